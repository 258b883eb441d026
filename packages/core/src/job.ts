/**
 * A job as the network knows it: everything it needs is named by CID, and its owner signed it.
 *
 * The file a user writes is the sdk's (job-file.ts); packing turns the one into the other.
 * Design: docs/ARCHITECTURE.md §4.
 */
import { z } from "zod";
import { type Adaptation, zAdaptation } from "./adaptation.ts";
import type { Cid } from "./ids.ts";
import type { Signed } from "./keys.ts";
import { LIMITS } from "./limits.ts";
import { type Objective, zObjective } from "./objective.ts";
import { type Optimizer, zOptimizer } from "./optimizer.ts";
import { zPatterns } from "./pattern.ts";
import { type PieceInput, type PieceLimits, zArguments, zPieceInput, zPieceLimits } from "./run.ts";
import { zBytes, zCid, zNodeId } from "./schema.ts";

/** What every kind of job says. */
export interface AnyJob {
  readonly apiVersion: "pingo/v1";
  readonly name: string;
  readonly workers: Workers;
  readonly retryMax: number;
  /** Decimal nano-PINGO as text: DAG-CBOR integers end at 2^64. */
  readonly budgetNano: string;
  readonly seed: number;
}

export interface Workers {
  readonly min: number;
  readonly max: number;
  readonly cpuMillicores: number;
  readonly memoryBytes: number;
}

export interface TrainJob extends AnyJob {
  readonly kind: "Train";
  /** UnixFS file: the .onnx as the user gave it. */
  readonly model: Cid;
  /** Dataset manifests (core/dataset.ts). */
  readonly data: { readonly train: Cid; readonly test: Cid | null };
  readonly objective: Objective;
  readonly optimizer: Optimizer;
  /** Patterns over the names of parameters: these stay as they are, and travel with no update. */
  readonly freeze?: readonly string[];
  /** Patterns over the names of numbers and masks that are parameters though they look like constants. */
  readonly alsoTrain?: readonly string[];
  /** Adapters are trained in place of the model's own weights. */
  readonly adapt?: Adaptation;
  /** The mean of the rounds' weights is what is measured and comes back. */
  readonly average?: Averaging;
  readonly schedule: Schedule;
}

/** A WebAssembly module, run once for each piece. */
export interface RunJob extends AnyJob {
  readonly kind: "Run";
  /** UnixFS file: a module for WASI preview 1. */
  readonly module: Cid;
  readonly arguments: readonly string[];
  /** One for each piece; none where pieces read nothing. */
  readonly inputs: readonly PieceInput[];
  readonly pieces: number;
  readonly limits: PieceLimits;
  /** always: two providers run each piece, and must come to the same bytes. */
  readonly verify: "none" | "always";
}

export type Job = TrainJob | RunJob;

export interface Averaging {
  /** What a step leaves of the mean before it; a round counts as all of its steps. */
  readonly decay: number;
}

export interface Schedule {
  readonly rounds: number;
  readonly stepsPerRound: number;
  /** Rows of one optimizer step. */
  readonly batchSize: number;
  /** Micro-batches that the rows of a step are computed in; absent: 1. */
  readonly accumulate?: number;
  /** A work unit stops at its next checkpoint after this long, whatever steps are left. */
  readonly secondsPerRound: number;
}

/** What the owner signs. The nonce lets one owner submit the same job twice. */
export interface JobEnvelope {
  readonly job: Job;
  readonly nonce: Uint8Array;
}

export type SignedJob = Signed<JobEnvelope>;
export const JOB_DOMAIN = "pingo/job/v1";

/** What the owner signs to stop a job. */
export interface StopRequest {
  readonly job: Cid;
}
export const STOP_DOMAIN = "pingo/stop/v1";

export const zName = z
  .string()
  .regex(
    new RegExp(`^[a-z0-9][a-z0-9-]{0,${LIMITS.nameCharsMax - 1}}$`),
    `expected lower-case letters, digits and "-", at most ${LIMITS.nameCharsMax}`,
  );

export const zAccumulate = z.int().min(1).max(LIMITS.batchSizeMax);

export const zAveraging = z.strictObject({ decay: z.number().gt(0).lt(1) });

export const zSchedule: z.ZodType<Schedule> = z.strictObject({
  rounds: z.int().min(1).max(LIMITS.roundsMax),
  stepsPerRound: z.int().min(1).max(LIMITS.stepsPerRoundMax),
  batchSize: z.int().min(1).max(LIMITS.batchSizeMax),
  accumulate: zAccumulate.exactOptional(),
  secondsPerRound: z.number().positive().max(86_400),
});

const zAnyJob = {
  apiVersion: z.literal("pingo/v1"),
  name: zName,
  workers: z
    .strictObject({
      min: z.int().min(1).max(LIMITS.workersMax),
      max: z.int().min(1).max(LIMITS.workersMax),
      cpuMillicores: z.int().min(1),
      memoryBytes: z.int().min(1),
    })
    .refine((workers) => workers.min <= workers.max, "workers.min is larger than workers.max"),
  retryMax: z.int().min(0).max(100),
  budgetNano: z.string().regex(/^\d{1,30}$/, "expected decimal nano-PINGO"),
  seed: z.int().min(0).max(0xffffffff),
};

const zTrain = z.strictObject({
  ...zAnyJob,
  kind: z.literal("Train"),
  model: zCid,
  data: z.strictObject({ train: zCid, test: zCid.nullable() }),
  objective: zObjective,
  optimizer: zOptimizer,
  freeze: zPatterns.exactOptional(),
  alsoTrain: zPatterns.exactOptional(),
  adapt: zAdaptation.exactOptional(),
  average: zAveraging.exactOptional(),
  schedule: zSchedule,
});

export const zTrainJob: z.ZodType<TrainJob> = zTrain;

const zRun = z
  .strictObject({
    ...zAnyJob,
    kind: z.literal("Run"),
    module: zCid,
    arguments: zArguments,
    inputs: z.array(zPieceInput).max(LIMITS.piecesMax),
    pieces: z.int().min(1).max(LIMITS.piecesMax),
    limits: zPieceLimits,
    verify: z.enum(["none", "always"]),
  })
  .refine(
    ({ inputs, pieces }) => inputs.length === 0 || inputs.length === pieces,
    "pieces and inputs differ",
  );

export const zRunJob: z.ZodType<RunJob> = zRun;

/** Told apart by their kind, so that what is wrong is told of the one that was meant. */
const zJob: z.ZodType<Job> = z.discriminatedUnion("kind", [zTrain, zRun]);

export const zJobEnvelope: z.ZodType<JobEnvelope> = z.strictObject({ job: zJob, nonce: zBytes });
export const zSignedJob: z.ZodType<SignedJob> = z.strictObject({
  body: zJobEnvelope,
  signer: zNodeId,
  signature: zBytes,
});
export const zSignedStop: z.ZodType<Signed<StopRequest>> = z.strictObject({
  body: z.strictObject({ job: zCid }),
  signer: zNodeId,
  signature: zBytes,
});

/** Life of a job. `queued` waits for providers; the last three are final. */
export type JobState = "queued" | "running" | "succeeded" | "failed" | "stopped";
export const FINAL_STATES: readonly JobState[] = ["succeeded", "failed", "stopped"];
