/**
 * What runs a program: a trainer keeps weights and optimizer state, an evaluator keeps nothing.
 *
 * The same interfaces stand for a session in this thread (`openTrainer`) and for one in a worker
 * thread (`startTrainer`).
 */
import type { Tensor } from "../graph/tensor.ts";
import type { ProgramSignature } from "../program/signature.ts";
import type { Backend } from "./ort.ts";

export interface RuntimeProgram {
  /** ONNX bytes as the program builder wrote them. */
  readonly graph: Uint8Array;
  readonly signature: ProgramSignature;
  /** That it was tuned for; 1 where nothing is said. Only a tuned program keeps its sums whole with more. */
  readonly threads?: number;
}

export interface RuntimeOptions {
  /** For as long as the trainer lives. Once aborted, each call rejects with its reason; it can only be closed then. */
  readonly signal?: AbortSignal;
}

export interface BackendOptions extends RuntimeOptions {
  /** "native" where nothing is said. */
  readonly backend?: Backend;
  /**
   * The native backend brings the program to this machine first: the same arithmetic by faster kernels, and the last
   * digits are those of this kind of machine. WebAssembly's are to be the same everywhere, so there it changes nothing.
   */
  readonly isTuned?: boolean;
}

export interface RunOptions {
  /**
   * Aborted: the call ends within a step in a worker of the native backend, else within a tenth of a second to a second
   * by the size of the state, or a step if that is longer. It rejects with the reason; a call whose last step was done
   * by then still answers.
   */
  readonly signal?: AbortSignal;
}

export interface Trainer extends AsyncDisposable {
  readonly signature: ProgramSignature;
  /**
   * The rows that `run` draws from. The tensors belong to the trainer from now on: in a worker their
   * buffers are moved, not copied, and the caller's are empty afterwards. null lets go of the ones it has,
   * so that the next need not lie beside them in memory.
   */
  setFields(fields: ReadonlyMap<string, Tensor> | null): Promise<void>;
  /** Flat f32 weights; what the optimizer keeps and the step number go to zero. */
  reset(weights: Float32Array): Promise<void>;
  /**
   * K = learningRates.length steps in one call. One that rejects, whatever for, leaves the state as it was before.
   *
   * @param indices i64[K, batchSize] rows of the fields
   * @returns f32[K] losses, each before its step
   * @throws {RuntimeError} LOSS_NOT_FINITE, INDEX_OUT_OF_RANGE
   */
  run(indices: BigInt64Array, learningRates: Float32Array, options?: RunOptions): Promise<Float32Array>;
  /**
   * A flat copy.
   *
   * @throws {RuntimeError} WEIGHTS_NOT_FINITE: the last step went too far, which its loss does not show
   */
  weights(): Promise<Float32Array>;
  /**
   * The moving average of the weights, in the same order, for what takes weights: an evaluator, `withWeights`. A program
   * keeps one where its options have `ema`. Before the first step there is none.
   *
   * @throws {RuntimeError} EMA_MISSING, CALL_TOO_EARLY; WEIGHTS_NOT_FINITE
   */
  ema(): Promise<Float32Array>;
  /**
   * A copy of all that is carried from step to step.
   *
   * @throws {RuntimeError} WEIGHTS_NOT_FINITE
   */
  checkpoint(): Promise<Checkpoint>;
  /**
   * In place of `reset`: goes on from there to the same bits, in any trainer of the same program.
   *
   * @throws {RuntimeError} CHECKPOINT_MISFIT
   */
  resume(checkpoint: Checkpoint): Promise<void>;
}

/** Plain values: a structured clone or a file keeps it. */
export interface Checkpoint {
  /** Since reset. */
  readonly steps: number;
  /** Flat f32, as `weights` gives it. */
  readonly weights: Float32Array;
  /** What is kept beside the parameters, by its name in the signature: flat f32 of those parameters that have it. */
  readonly slots: ReadonlyMap<string, Float32Array>;
}

export interface Evaluator extends AsyncDisposable {
  readonly signature: ProgramSignature;
  /** Runs over all rows in batches of the signature's size. The same map given again is not sent to a worker again. */
  evaluate(
    weights: Float32Array,
    fields: ReadonlyMap<string, Tensor>,
    options?: RunOptions,
  ): Promise<Evaluation>;
}

export interface Evaluation {
  /** Mean over the targets counted, by their weights. */
  readonly loss: number;
  /** Share of the targets that were answered right; null for a loss where no answer is. */
  readonly accuracy: number | null;
  /** Targets: rows, or rows × positions of a sequence. */
  readonly count: number;
}
