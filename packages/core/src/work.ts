/**
 * Work: units, leases, receipts. A unit is pure data, so whoever runs it gets the same update.
 *
 * Design: docs/ARCHITECTURE.md §4 (lease, receipt).
 */
import { z } from "zod";
import { type Shard, zShard } from "./dataset.ts";
import type { Cid, LeaseId, NodeId } from "./ids.ts";
import type { Signed } from "./keys.ts";
import { LIMITS } from "./limits.ts";
import { type LearningRateSchedule, zLearningRateSchedule } from "./optimizer.ts";
import { type PieceLimits, type SizedInput, zArguments, zPieceLimits, zSizedInput } from "./run.ts";
import { zBytes, zCid, zCount, zLeaseId, zNodeId } from "./schema.ts";
import { type RegistryRef, zRegistryRef } from "./statement.ts";

export interface TrainUnit {
  readonly job: Cid;
  readonly round: number;
  /** 0 … units of the round - 1. */
  readonly index: number;
  /** dag-cbor block: StoredProgram of packages/training (graph CID and signature). */
  readonly program: Cid;
  /** UnixFS file: the flat f32 weights of this round's version. */
  readonly weights: Cid;
  readonly shards: readonly Shard[];
  /** Draws the batches. */
  readonly seed: number;
  readonly steps: number;
  readonly batchSize: number;
  readonly learningRate: number;
  /** How the rate changes from step to step; absent: constant. */
  readonly schedule?: UnitSchedule;
  /** Longest run, from the moment the worker begins. */
  readonly deadlineMs: number;
}

/** The run's schedule, and where in the run this unit stands. */
export interface UnitSchedule extends LearningRateSchedule {
  /** Steps of the rounds before. */
  readonly stepsBefore: number;
  /** Of the whole run. */
  readonly stepsTotal: number;
}

/** One piece of a Run job. Who repeats it for the sake of verification has the same but for `index`. */
export interface RunUnit {
  readonly kind: "Run";
  readonly job: Cid;
  readonly round: 1;
  /** 0 … units of the job - 1. */
  readonly index: number;
  /** Of the job; its program sees it as its name. */
  readonly name: string;
  /** 0 … pieces - 1 */
  readonly piece: number;
  readonly pieces: number;
  readonly module: Cid;
  readonly arguments: readonly string[];
  readonly input: SizedInput | null;
  readonly limits: PieceLimits;
  /** Draws what the module takes for chance. */
  readonly seed: number;
  /** A piece is one step: done, or not. */
  readonly steps: 1;
  /** Longest run, from the moment the worker begins. */
  readonly deadlineMs: number;
}

export type WorkUnit = TrainUnit | RunUnit;

export function isRunUnit(unit: WorkUnit): unit is RunUnit {
  return "module" in unit;
}

export interface Lease {
  readonly id: LeaseId;
  readonly attempt: number;
  readonly provider: NodeId;
  readonly unit: WorkUnit;
  readonly issuedAtUnixMs: number;
  readonly ttlMs: number;
  /** The result goes with a statement under this registry; null: with its receipt alone. */
  readonly registry: RegistryRef | null;
}

export interface Receipt {
  readonly lease: LeaseId;
  /** CID of the unit's canonical form. */
  readonly unit: Cid;
  /** Of the lease. */
  readonly issuedAtUnixMs: number;
  readonly provider: NodeId;
  readonly steps: number;
  readonly rows: number;
  readonly cpuMs: number;
  /** The most that its process was resident by then; left out by who cannot tell. */
  readonly peakBytes?: number;
  /** 0 of a piece, whose steps and rows are 1. */
  readonly lossMean: number;
  /** UnixFS file: the flat f32 update (weights before - weights after; statistics: after). Of a piece: the folder of its result. */
  readonly update: Cid;
  readonly startedAtUnixMs: number;
  readonly endedAtUnixMs: number;
}

/** Signed by the provider, then the fog node signs it again: both hold the other to it. */
export const RECEIPT_DOMAIN = "pingo/receipt/v1";
export const RECEIPT_ACK_DOMAIN = "pingo/receipt-ack/v1";

export const zTrainUnit: z.ZodType<TrainUnit> = z.strictObject({
  job: zCid,
  round: zCount,
  index: zCount,
  program: zCid,
  weights: zCid,
  shards: z.array(zShard).min(1).max(4_096),
  seed: z.int().min(0).max(0xffffffff),
  steps: z.int().min(1).max(LIMITS.stepsPerRoundMax),
  batchSize: z.int().min(1).max(LIMITS.batchSizeMax),
  learningRate: z.number().positive().max(10),
  schedule: z
    .strictObject({ ...zLearningRateSchedule.shape, stepsBefore: zCount, stepsTotal: zCount })
    .exactOptional(),
  deadlineMs: z.int().min(1).max(86_400_000),
});

export const zRunUnit: z.ZodType<RunUnit> = z.strictObject({
  kind: z.literal("Run"),
  job: zCid,
  round: z.literal(1),
  index: zCount,
  name: z.string().min(1).max(LIMITS.nameCharsMax),
  piece: zCount,
  pieces: z.int().min(1).max(LIMITS.piecesMax),
  module: zCid,
  arguments: zArguments,
  input: zSizedInput.nullable(),
  limits: zPieceLimits,
  seed: z.int().min(0).max(0xffffffff),
  steps: z.literal(1),
  deadlineMs: z.int().min(1).max(86_400_000),
});

export const zWorkUnit: z.ZodType<WorkUnit> = z.union([zTrainUnit, zRunUnit]);

export const zLease: z.ZodType<Lease> = z.strictObject({
  id: zLeaseId,
  attempt: z.int().min(1).max(1_000),
  provider: zNodeId,
  unit: zWorkUnit,
  issuedAtUnixMs: zCount,
  ttlMs: z.int().min(100).max(LIMITS.leaseTtlMsMax),
  registry: zRegistryRef.nullable(),
});

export const zReceipt: z.ZodType<Receipt> = z.strictObject({
  lease: zLeaseId,
  unit: zCid,
  issuedAtUnixMs: zCount,
  provider: zNodeId,
  steps: z.int().min(1).max(LIMITS.stepsPerRoundMax),
  rows: z.int().min(1),
  cpuMs: z.number().nonnegative(),
  peakBytes: zCount.exactOptional(),
  lossMean: z.number(),
  update: zCid,
  startedAtUnixMs: zCount,
  endedAtUnixMs: zCount,
});

export const zSignedReceipt: z.ZodType<Signed<Receipt>> = z.strictObject({
  body: zReceipt,
  signer: zNodeId,
  signature: zBytes,
});
