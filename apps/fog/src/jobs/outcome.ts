/** What the owner gets at the end: the trained model, how it went, and from what and by whom. */
import { type Cid, cidOfBytes, type NodeId } from "@pingo/core";
import { type Blocks, writeFile } from "@pingo/storage";
import type { MetricRecord, Provenance, RoundRecord } from "@pingo/training";
import { cidOfVerdict } from "../database/refutation-store.ts";
import { listRounds } from "../database/round-store.ts";
import type { JobRow, RoundRow, Sql } from "../database/schema.ts";
import { type CountedResult, listCountedOfJob } from "../database/work-store.ts";
import type { LoadedJob } from "./loaded-job.ts";
import type { ExportedModel, Modeller } from "./modeller.ts";
import type { Version } from "./versions.ts";
import { writeEvidence } from "./write-evidence.ts";

export type Outcome = Pick<
  JobRow,
  "resultModel" | "resultMetrics" | "resultProvenance" | "resultAdapters" | "resultRawModel"
>;

/** The files of weights. */
export interface Models extends ExportedModel {
  /** With the last round's own weights; null where `model` has them. */
  readonly raw: Uint8Array | null;
}

export interface OutcomeParts {
  readonly row: JobRow;
  readonly loaded: LoadedJob;
  readonly fog: NodeId;
  readonly models: Models;
}

export async function exportModels(
  modeller: Modeller,
  { job, signature }: LoadedJob,
  { weights, average }: Version,
): Promise<Models> {
  const exported = await modeller.export(job, signature, average ?? weights);
  const raw = average && (await modeller.export(job, signature, weights)).model;
  return { ...exported, raw };
}

/** Whoever has the provenance can check each result. */
export async function writeOutcome(sql: Sql, blocks: Blocks, parts: OutcomeParts): Promise<Outcome> {
  const { model, adapters, raw } = parts.models;
  const versions = await listRounds(sql, parts.row.id);
  const counted = await listCountedOfJob(sql, parts.row.id);
  await writeEvidence(sql, blocks, parts.row.id, counted);
  await blocks.put(parts.row.envelope, "dagCbor");
  return {
    resultModel: await writeFile(blocks, model),
    resultAdapters: adapters && (await writeFile(blocks, adapters)),
    resultRawModel: raw && (await writeFile(blocks, raw)),
    resultMetrics: await writeJson(blocks, versions.filter(({ version }) => version > 0).map(metricOf)),
    resultProvenance: await writeJson(blocks, provenanceOf(parts, versions, counted)),
  };
}

function metricOf(round: RoundRow): MetricRecord {
  return {
    round: round.version,
    atUnixMs: round.committedUnixMs,
    trainLoss: round.loss ?? 0,
    steps: round.steps,
    rows: round.rows,
    testLoss: round.evaluatedLoss,
    testAccuracy: round.evaluatedAccuracy,
    ...(round.average && { rawTestLoss: round.rawLoss, rawTestAccuracy: round.rawAccuracy }),
  };
}

function provenanceOf(
  { row, loaded, fog }: OutcomeParts,
  versions: readonly RoundRow[],
  counted: readonly CountedResult[],
): Provenance {
  const resultsByRound = Map.groupBy(counted, ({ round }) => round);
  const [initial, final] = [versions[0], versions.at(-1)];
  return {
    kind: "pingo/provenance/v1",
    jobId: row.id,
    job: loaded.job,
    owner: row.owner,
    fog,
    program: loaded.program,
    graph: loaded.graph,
    weights: {
      initial: initial?.weights ?? loaded.graph,
      final: final?.weights ?? loaded.graph,
      ...(final?.average && { average: final.average }),
    },
    rounds: versions
      .filter(({ version }) => version > 0)
      .map(
        (round): RoundRecord => ({
          round: round.version,
          loss: round.loss ?? 0,
          weights: round.weights,
          committedAtUnixMs: round.committedUnixMs,
          units: (resultsByRound.get(round.version) ?? []).map((result) => ({
            unit: result.index,
            attempt: result.attempt,
            provider: result.provider,
            steps: result.steps,
            rows: result.rows,
            lossMean: result.loss,
            update: result.update,
            receipt: result.receiptCid,
            ...(result.statement && { statement: cidOfBytes(result.statement, "dagCbor") }),
            ...(result.verdict && { refuted: cidOfVerdict(result.verdict) }),
          })),
        }),
      ),
    startedAtUnixMs: row.trainingBeganUnixMs ?? row.createdUnixMs,
    endedAtUnixMs: final?.committedUnixMs ?? row.createdUnixMs,
  };
}

function writeJson(blocks: Blocks, value: unknown): Promise<Cid> {
  return writeFile(blocks, new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`));
}
