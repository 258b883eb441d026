/**
 * What a program's tensors mean: which parameters the flat weights vector holds, in order, and which
 * dataset tensors feed it. Plain values, so that it travels in canonical form beside the graph.
 */
import type { DType } from "../graph/tensor.ts";

export interface ParameterSpec {
  /** The model's initializer. */
  readonly name: string;
  readonly shape: readonly number[];
  /** A statistic (batch norm's running mean) is computed, not trained. */
  readonly kind: "trained" | "statistic";
  /** What the optimizer keeps beside it, and its moving average: for each slot a tensor `<slot>/<index>` of its shape, zeros at first. */
  readonly slots?: readonly string[];
}

/** A dataset tensor; axis 0 is the row and not part of rowShape. */
export interface FieldSpec {
  readonly name: string;
  readonly dtype: DType;
  readonly rowShape: readonly number[];
}

export interface ProgramSignature {
  /** All float32; the flat weights vector is these, one after the other. */
  readonly parameters: readonly ParameterSpec[];
  readonly fields: readonly FieldSpec[];
  /** The field that holds the labels. */
  readonly target: string;
  readonly batchSize: number;
}
