/** A Run job: one round, of which each unit is a piece; what comes back is all their results in one folder. */
import {
  assert,
  assertDefined,
  type Cid,
  cidOfBytes,
  hasSucceeded,
  isRunUnit,
  mixSeed,
  type NodeId,
  type PieceRecord,
  REPLICAS,
  type RunJob,
  type RunUnit,
  type SizedInput,
  sentenceOfEnd,
  type WorkUnit,
} from "@pingo/core";
import { type StoredLink, statDag, writeFile, writeTree } from "@pingo/storage";
import type { CountedDelivery, RoundState } from "@pingo/training";
import { readInput, readResultEnd, sizeOfTree } from "@pingo/wasm";
import { refute } from "../cases/refute.ts";
import { lastLosses } from "../database/event-store.ts";
import { latestRound } from "../database/round-store.ts";
import type { JobRow } from "../database/schema.ts";
import { type CountedResult, listCountedOfJob, listUnits } from "../database/work-store.ts";
import { recordCommit } from "./commit-ledger.ts";
import type { CommitMoment, Committed, Conclusion, Course, CourseOptions } from "./course.ts";
import { type SettledPiece, settlePieces } from "./settle-pieces.ts";
import { writeEvidence } from "./write-evidence.ts";

type CountedPiece = CountedResult & { readonly unit: RunUnit };

/** Of the pieces that ended badly, named in a job's reason. */
const NAMED_MAX = 3;

export async function openPiecesCourse(job: RunJob, options: CourseOptions): Promise<Course> {
  const { sql, blocks, row } = options;
  const latest = assertDefined(await latestRound(sql, row.id), "an admitted job has version 0");
  const inputs: SizedInput[] = [];
  for (const input of job.inputs)
    inputs.push({ ...input, sizeBytes: sizeOfTree(await readInput(blocks, input.cid)) });
  return new PiecesCourse(job, { ...options, inputs }, latest.version);
}

interface PiecesOptions extends CourseOptions {
  readonly inputs: readonly SizedInput[];
}

class PiecesCourse implements Course {
  readonly #job: RunJob;
  readonly #options: PiecesOptions;
  readonly isWhole = true;
  committed: number;

  constructor(job: RunJob, options: PiecesOptions, committed: number) {
    this.#job = job;
    this.#options = options;
    this.committed = committed;
  }

  get roots(): readonly Cid[] {
    return [this.#job.module, ...new Set(this.#job.inputs.map(({ cid }) => cid))];
  }

  resume(): void {
    // Whatever was left undone is a unit without a result.
  }

  prepare(): undefined {
    return undefined;
  }

  plan(): readonly WorkUnit[] {
    const { pieces, name, module, limits, seed, verify } = this.#job;
    const { row, inputs } = this.#options;
    const replicas = REPLICAS[verify];
    return Array.from({ length: pieces * replicas }, (_, index): RunUnit => {
      const piece = Math.floor(index / replicas);
      return {
        kind: "Run",
        job: row.id,
        round: 1,
        index,
        name,
        piece,
        pieces,
        module,
        arguments: this.#job.arguments,
        input: inputs[piece] ?? null,
        limits,
        seed: mixSeed(seed, piece),
        steps: 1,
        deadlineMs: Math.ceil(limits.secondsPerPiece * 1_000),
      };
    });
  }

  /** Who runs a piece, or has, checks no work of their own. */
  barred(unit: number, { leases, units }: RoundState): readonly NodeId[] {
    const replicas = REPLICAS[this.#job.verify];
    if (replicas === 1) return [];
    return units.flatMap(({ lease }, other) => {
      const isTwin = other !== unit && Math.floor(other / replicas) === Math.floor(unit / replicas);
      const held = isTwin && lease !== null ? leases.get(lease) : undefined;
      return held ? [held.provider] : [];
    });
  }

  async check(update: Cid): Promise<void> {
    await readResultEnd(this.#options.blocks, update);
  }

  /** What came, one result of each piece; which of them count is settled at the end. */
  async commit(deliveries: readonly CountedDelivery[], at: CommitMoment): Promise<Committed> {
    const { sql } = this.#options;
    const replicas = REPLICAS[this.#job.verify];
    const results = new Map(deliveries.map(({ unit, update }) => [Math.floor(unit / replicas), update]));
    const cid = await this.#folderOf(results);
    const version = { number: 1, weightsCid: cid, momentumCid: null, averageCid: null };
    const recorded = await recordCommit(sql, { ...at, version, deliveries });
    this.committed = 1;
    return { ...recorded, root: cid };
  }

  async conclude(): Promise<(row: JobRow) => Promise<Conclusion>> {
    const { sql, blocks, fog, modeller, log, clock, signal, row: begun } = this.#options;
    const job = this.#job;
    const replicas = REPLICAS[job.verify];
    const counted = await this.#counted();
    const came = counted.map(({ unit, update }) => ({ unit, update }));
    const settled = await settlePieces(came, { pieces: job.pieces, replicas, modeller, log, signal });
    const results = new Map(
      settled.flatMap(({ piece, result }) => (result === null ? [] : [[piece, result] as const])),
    );
    const resultPieces = await this.#folderOf(results);
    const losses = await lastLosses(sql, begun.id, 1);
    return async (row) => {
      const records: PieceRecord[] = [];
      await writeEvidence(sql, blocks, begun.id, counted);
      for (const result of counted) {
        const { unit, receiptCid: receipt, statement, provider, update, attempt } = result;
        const { piece: index, input } = unit;
        const piece = settled[index];
        const isRefuted = piece?.refuted.has(update) === true;
        const reexecuted = isRefuted ? piece.redone : null;
        const verdict =
          reexecuted &&
          (await refute(
            { sql, blocks, fog, clock, log },
            { result, reexecuted, deviation: 1, tolerance: 0 },
          ));
        records.push({
          index,
          input: input && { cid: input.cid, name: input.name },
          end: await readResultEnd(blocks, update),
          result: update,
          isRefuted,
          provider,
          attempt,
          receipt,
          ...(statement && { statement: cidOfBytes(statement, "dagCbor") }),
          ...(verdict && { verdict }),
        });
      }
      await blocks.put(row.envelope, "dagCbor");
      const provenance = {
        kind: "pingo/run-provenance/v1",
        jobId: row.id,
        job,
        owner: row.owner,
        fog,
        pieces: records,
      };
      const json = new TextEncoder().encode(`${JSON.stringify(provenance, null, 2)}\n`);
      const lossOf = (piece: number): string | undefined =>
        Array.from({ length: replicas }, (_, i) => losses.get(piece * replicas + i)).find(Boolean);
      const reason = reasonOf({ settled, records, lossOf });
      return {
        state: reason === null ? "succeeded" : "failed",
        reason,
        outcome: { resultPieces, resultProvenance: await writeFile(blocks, json) },
      };
    };
  }

  async #counted(): Promise<readonly CountedPiece[]> {
    const { sql, row } = this.#options;
    const units = await listUnits(sql, row.id, 1);
    return (await listCountedOfJob(sql, row.id)).map((result) => {
      const unit = units[result.index];
      assert(unit && isRunUnit(unit), `unit ${result.index} of a Run job is a piece`);
      return { ...result, unit };
    });
  }

  async #folderOf(results: ReadonlyMap<number, Cid>): Promise<Cid> {
    const { blocks } = this.#options;
    const links = new Map<string, StoredLink>();
    for (const [piece, cid] of results)
      links.set(String(piece), { cid, dagBytes: (await statDag(blocks, cid)).bytes });
    return (await writeTree(blocks, links)).cid;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // It holds nothing.
  }
}

interface Outcome {
  readonly settled: readonly SettledPiece[];
  readonly records: readonly PieceRecord[];
  /** Why the last provider of a piece gave it back. */
  lossOf(piece: number): string | undefined;
}

/** null where each piece has a result, and all ended well. */
function reasonOf({ settled, records, lossOf }: Outcome): string | null {
  const sentences = settled.flatMap(({ piece, result, redone }) => {
    const came = records.filter(({ index }) => index === piece);
    const chosen = came.find((record) => record.result === result);
    if (chosen !== undefined) {
      if (hasSucceeded(chosen.end)) return [];
      return [`piece ${piece}: ${sentenceOfEnd(chosen.end)} (${chosen.end.code})`];
    }
    const [first, second] = came;
    if (first === undefined)
      return [`piece ${piece} was given up; the last provider said: ${lossOf(piece) ?? "nothing"}`];
    const whose =
      second === undefined
        ? `came from ${first.provider} alone`
        : `came out differently at ${first.provider} and at ${second.provider}`;
    if (redone === null)
      return [`piece ${piece} ${whose}, and could not be done again here; submit the job again`];
    const other = second === undefined ? "is not" : "neither is";
    return [
      `piece ${piece} ${whose}, and ${other} what comes out here; it costs nothing: submit the job again, and it goes to others where there are`,
    ];
  });
  if (sentences.length === 0) return null;
  const more = sentences.length > NAMED_MAX ? `, and ${sentences.length - NAMED_MAX} more` : "";
  return `${sentences.slice(0, NAMED_MAX).join("; ")}${more}`;
}
