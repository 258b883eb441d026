/** The record beside a trained model: from what, by whom, and how it went. */
import {
  type Cid,
  type JobId,
  LIMITS,
  type NodeId,
  type TrainJob,
  zCid,
  zCount,
  zNodeId,
  zTrainJob,
} from "@pingo/core";
import { z } from "zod";

export interface Provenance {
  readonly kind: "pingo/provenance/v1";
  readonly jobId: JobId;
  /** The job as its owner signed it; it names the model and the data by CID. */
  readonly job: TrainJob;
  readonly owner: NodeId;
  /** The fog node that ran the rounds. */
  readonly fog: NodeId;
  /** dag-cbor block: StoredProgram, which names the graph. */
  readonly program: Cid;
  readonly graph: Cid;
  /** UnixFS files of flat f32 weights: version 0, the last, and the mean of the rounds where the job asks for it. */
  readonly weights: { readonly initial: Cid; readonly final: Cid; readonly average?: Cid };
  readonly rounds: readonly RoundRecord[];
  readonly startedAtUnixMs: number;
  readonly endedAtUnixMs: number;
}

export interface RoundRecord {
  readonly round: number;
  readonly units: readonly UnitRecord[];
  /** Row-weighted mean training loss. */
  readonly loss: number;
  readonly weights: Cid;
  readonly committedAtUnixMs: number;
}

/** A unit that counted. */
export interface UnitRecord {
  readonly unit: number;
  readonly attempt: number;
  readonly provider: NodeId;
  readonly steps: number;
  readonly rows: number;
  readonly lossMean: number;
  readonly update: Cid;
  /** dag-cbor block: the provider's signed receipt. */
  readonly receipt: Cid;
  /** dag-cbor block: the provider's statement about it, for its stake on chain; left out where none was asked for. */
  readonly statement?: Cid;
  /** dag-cbor block, a VerdictBlock: it was refuted before the job ended. Its pay was taken back; the weights since its round have it in them. */
  readonly refuted?: Cid;
}

/** One line of a job's metrics. */
export interface MetricRecord {
  readonly round: number;
  readonly atUnixMs: number;
  readonly trainLoss: number;
  readonly steps: number;
  readonly rows: number;
  /** On the held-out data; null until evaluated, or without any. */
  readonly testLoss: number | null;
  readonly testAccuracy: number | null;
  /** Where the two above are of the mean of the rounds: the same of the round's own weights. */
  readonly rawTestLoss?: number | null;
  readonly rawTestAccuracy?: number | null;
}

/** What each provider did for a model, over all its rounds. */
export interface ProviderTotals {
  readonly provider: NodeId;
  readonly units: number;
  readonly steps: number;
  readonly rows: number;
}

/** Most rows first; ties by id. */
export function totalsByProvider(provenance: Provenance): readonly ProviderTotals[] {
  const totals = new Map<NodeId, ProviderTotals>();
  for (const { provider, steps, rows } of provenance.rounds.flatMap(({ units }) => units)) {
    const before = totals.get(provider) ?? { provider, units: 0, steps: 0, rows: 0 };
    totals.set(provider, {
      provider,
      units: before.units + 1,
      steps: before.steps + steps,
      rows: before.rows + rows,
    });
  }
  return [...totals.values()].sort((a, b) => b.rows - a.rows || (a.provider < b.provider ? -1 : 1));
}

/** The record beside a model trained on one machine: no one else took part, so there are no receipts. */
export interface LocalProvenance {
  readonly kind: "pingo/local-provenance/v1";
  /** The spec that the network would have been given; it names the model and the data by CID. */
  readonly job: TrainJob;
  /** UnixFS file: the train program's ONNX bytes. */
  readonly graph: Cid;
  /** UnixFS files of flat f32 weights: the first, the last, and the mean of the rounds where the job asks for it. */
  readonly weights: { readonly initial: Cid; readonly final: Cid; readonly average?: Cid };
  /** 1: every step in one place; more: rounds with an outer step, as the network has them. */
  readonly processes: number;
  /** False where it was interrupted; metrics.json has the steps that were done. */
  readonly isComplete: boolean;
  readonly startedAtUnixMs: number;
  readonly endedAtUnixMs: number;
}

const zUnitRecord: z.ZodType<UnitRecord> = z.strictObject({
  unit: zCount,
  attempt: z.int().min(1),
  provider: zNodeId,
  steps: z.int().min(1),
  rows: z.int().min(1),
  lossMean: z.number(),
  update: zCid,
  receipt: zCid,
  statement: zCid.exactOptional(),
  refuted: zCid.exactOptional(),
});

const zRoundRecord: z.ZodType<RoundRecord> = z.strictObject({
  round: z.int().min(1).max(LIMITS.roundsMax),
  units: z.array(zUnitRecord).min(1).max(LIMITS.workersMax),
  loss: z.number(),
  weights: zCid,
  committedAtUnixMs: zCount,
});

export const zProvenance: z.ZodType<Provenance> = z.strictObject({
  kind: z.literal("pingo/provenance/v1"),
  jobId: zCid,
  job: zTrainJob,
  owner: zNodeId,
  fog: zNodeId,
  program: zCid,
  graph: zCid,
  weights: z.strictObject({ initial: zCid, final: zCid, average: zCid.exactOptional() }),
  rounds: z.array(zRoundRecord).max(LIMITS.roundsMax),
  startedAtUnixMs: zCount,
  endedAtUnixMs: zCount,
});

export const zMetricRecord: z.ZodType<MetricRecord> = z.strictObject({
  round: z.int().min(1),
  atUnixMs: zCount,
  trainLoss: z.number(),
  steps: zCount,
  rows: zCount,
  testLoss: z.number().nullable(),
  testAccuracy: z.number().nullable(),
  rawTestLoss: z.number().nullable().exactOptional(),
  rawTestAccuracy: z.number().nullable().exactOptional(),
});
