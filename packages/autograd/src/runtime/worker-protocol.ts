/** What a training thread and its owner say to each other. Everything here survives a structured clone. */
import type { Tensor } from "../graph/tensor.ts";
import type { Backend } from "./ort.ts";
import type { RuntimeFault } from "./runtime-error.ts";
import type { StopFlag } from "./stop-flag.ts";
import type { Checkpoint, Evaluation, RuntimeProgram } from "./trainer.ts";

export interface WorkerTask {
  readonly kind: "trainer" | "evaluator";
  readonly backend: Backend;
  readonly isTuned: boolean;
  readonly program: RuntimeProgram;
}

export interface WorkerCalls {
  readonly setFields: { readonly fields: ReadonlyMap<string, Tensor> | null };
  readonly reset: { readonly weights: Float32Array };
  readonly run: {
    readonly indices: BigInt64Array;
    readonly learningRates: Float32Array;
    /** Where the session reads it while it runs; elsewhere the call `stop` is heard between two parts. */
    readonly flag: StopFlag | null;
  };
  readonly weights: Record<string, never>;
  readonly ema: Record<string, never>;
  readonly checkpoint: Record<string, never>;
  readonly resume: { readonly checkpoint: Checkpoint };
  /** null: the fields of the call before. */
  readonly evaluate: { readonly weights: Float32Array; readonly fields: ReadonlyMap<string, Tensor> | null };
  /** Of the call with this id, under way or waiting. It is then answered with RUN_STOPPED. */
  readonly stop: { readonly id: number };
  readonly close: Record<string, never>;
}

export interface WorkerAnswers {
  readonly setFields: null;
  readonly reset: null;
  readonly run: Float32Array;
  readonly weights: Float32Array;
  readonly ema: Float32Array;
  readonly checkpoint: Checkpoint;
  readonly resume: null;
  readonly evaluate: Evaluation;
  readonly stop: null;
  readonly close: null;
}

export type CallName = keyof WorkerCalls;

export type WorkerRequest = {
  [K in CallName]: { readonly id: number; readonly call: K; readonly body: WorkerCalls[K] };
}[CallName];

/** Id 0 answers the opening of the session. */
export type WorkerReply =
  | { readonly id: number; readonly ok: WorkerAnswers[CallName] }
  | { readonly id: number; readonly fault: RuntimeFault };
