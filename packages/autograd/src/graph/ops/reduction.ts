/** Operators that look along axes. */
import { type Axis, arity, bit, int, type OpSpecs } from "./spec.ts";

/** Input 1, int64[n], holds the axes; without it all axes are reduced, or none if `noop_with_empty_axes`. */
export interface Reduce {
  readonly keepdims: number;
  readonly noop_with_empty_axes: number;
}

export interface ReductionAttributes {
  ReduceL1: Reduce;
  ReduceL2: Reduce;
  ReduceLogSum: Reduce;
  ReduceLogSumExp: Reduce;
  ReduceMax: Reduce;
  ReduceMean: Reduce;
  ReduceMin: Reduce;
  ReduceProd: Reduce;
  ReduceSum: Reduce;
  ReduceSumSquare: Reduce;
  ArgMax: Axis & { readonly keepdims: number; readonly select_last_index: number };
  ArgMin: Axis & { readonly keepdims: number; readonly select_last_index: number };
  /** x, axis (scalar) */
  CumSum: { readonly exclusive: number; readonly reverse: number };
  Softmax: Axis;
  /** 1 at the first largest element along the axis, 0 elsewhere. */
  Hardmax: Axis;
  /** x, k (one number) → values, indices */
  TopK: Axis & { readonly largest: number; readonly sorted: number };
  LogSoftmax: Axis;
}

const reduce = arity(1, 2, { keepdims: bit(1), noop_with_empty_axes: bit(0) });
const argument = arity(1, 1, { axis: int(0), keepdims: bit(1), select_last_index: bit(0) });

export const reductionOps: OpSpecs<ReductionAttributes> = {
  ReduceL1: reduce,
  ReduceL2: reduce,
  ReduceLogSum: reduce,
  ReduceLogSumExp: reduce,
  ReduceMax: reduce,
  ReduceMean: reduce,
  ReduceMin: reduce,
  ReduceProd: reduce,
  ReduceSum: reduce,
  ReduceSumSquare: reduce,
  ArgMax: argument,
  ArgMin: argument,
  CumSum: arity(2, 2, { exclusive: bit(0), reverse: bit(0) }),
  Softmax: arity(1, 1, { axis: int(-1) }),
  Hardmax: arity(1, 1, { axis: int(-1) }),
  TopK: arity(2, 2, { axis: int(-1), largest: bit(1), sorted: { ...bit(1), isFixed: true } }, 2),
  LogSoftmax: arity(1, 1, { axis: int(-1) }),
};
