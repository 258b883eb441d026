/** A Run job: one round, of which each unit is a piece; what comes back is all their results in one folder. */
import {
  assert,
  assertDefined,
  type Cid,
  hasSucceeded,
  isRunUnit,
  mixSeed,
  type NodeId,
  type PieceRecord,
  type RunJob,
  type RunUnit,
  type SizedInput,
  sentenceOfEnd,
  type WorkUnit,
} from "@pingo/core";
import { type StoredLink, statDag, writeFile, writeTree } from "@pingo/storage";
import type { CountedDelivery, RoundState } from "@pingo/training";
import { readInput, readResultEnd, sizeOfTree } from "@pingo/wasm";
import { latestRound } from "../database/round-store.ts";
import type { JobRow } from "../database/schema.ts";
import { listCountedOfJob, listUnits } from "../database/work-store.ts";
import { recordCommit } from "./commit-ledger.ts";
import type { CommitMoment, Committed, Conclusion, Course, CourseOptions } from "./course.ts";

/** Where each piece is run twice. */
const REPLICAS = { none: 1, always: 2 } as const;
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

  async commit(deliveries: readonly CountedDelivery[], at: CommitMoment): Promise<Committed> {
    const { sql, blocks } = this.#options;
    const replicas = REPLICAS[this.#job.verify];
    const byPiece = deliveries.filter(({ unit }) => unit % replicas === 0);
    const links = new Map<string, StoredLink>();
    for (const { unit, update } of byPiece)
      links.set(String(unit / replicas), { cid: update, dagBytes: (await statDag(blocks, update)).bytes });
    const { cid } = await writeTree(blocks, links);
    const version = { number: 1, weightsCid: cid, momentumCid: null, averageCid: null };
    const recorded = await recordCommit(sql, { ...at, version, deliveries });
    this.committed = 1;
    return { ...recorded, root: cid };
  }

  async conclude(): Promise<(row: JobRow) => Promise<Conclusion>> {
    const { sql, blocks, fog } = this.#options;
    const job = this.#job;
    return async (row) => {
      const latest = assertDefined(await latestRound(sql, row.id), "its round is committed");
      const units = await listUnits(sql, row.id, 1);
      const records: PieceRecord[] = [];
      for (const result of await listCountedOfJob(sql, row.id)) {
        const unit = units[result.index];
        assert(unit && isRunUnit(unit), `unit ${result.index} of a Run job is a piece`);
        await blocks.put(result.receipt, "dagCbor");
        const { provider, update, attempt, receiptCid: receipt } = result;
        const end = await readResultEnd(blocks, update);
        const { piece: index, input } = unit;
        records.push({
          index,
          input: input && { cid: input.cid, name: input.name },
          end,
          result: update,
          provider,
          attempt,
          receipt,
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
      const reason = reasonOf(records);
      return {
        state: reason === null ? "succeeded" : "failed",
        reason,
        outcome: { resultPieces: latest.weights, resultProvenance: await writeFile(blocks, json) },
      };
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // It holds nothing.
  }
}

/** null where all ended well, and those that were run twice came to the same. */
function reasonOf(records: readonly PieceRecord[]): string | null {
  for (const [index, [first, second]] of Map.groupBy(records, ({ index }) => index)) {
    if (first === undefined || second === undefined || first.result === second.result) continue;
    return `piece ${index} came out differently at ${first.provider} and at ${second.provider}; submit the job again, and it goes to others where there are`;
  }
  const failed = records.filter(({ end }) => !hasSucceeded(end));
  if (failed.length === 0) return null;
  const pieces = new Set(failed.map(({ index }) => index));
  const named = [...pieces].slice(0, NAMED_MAX).map((index) => {
    const record = assertDefined(
      failed.find((one) => one.index === index),
      "it is one of them",
    );
    return `piece ${index}: ${sentenceOfEnd(record.end)} (${record.end.code})`;
  });
  const more = pieces.size > NAMED_MAX ? `, and ${pieces.size - NAMED_MAX} more` : "";
  return `${named.join("; ")}${more}`;
}
