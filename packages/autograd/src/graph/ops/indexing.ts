/** Operators that pick, place or make elements by index. */
import type { DType, Tensor } from "../tensor.ts";
import { type Axis, arity, int, type None, type OpSpecs, unary, word } from "./spec.ts";

export type ScatterReduction = "none" | "add" | "mul" | "max" | "min";

export interface IndexingAttributes {
  /** shape → filled with the one element of `value`. */
  ConstantOfShape: { readonly value: Tensor };
  /** x, condition: bool[n]; without an axis x is taken flat */
  Compress: { readonly axis?: number };
  /** A matrix's size and element type, with ones on the k-th diagonal. */
  EyeLike: { readonly dtype?: DType; readonly k: number };
  /** x, indices */
  Gather: Axis;
  GatherElements: Axis;
  GatherND: { readonly batch_dims: number };
  /** indices, depth, values */
  /** x → int64[rank, how many are not 0] */
  NonZero: None;
  OneHot: Axis;
  /** start, limit, delta */
  Range: None;
  /** x, indices, updates */
  ScatterElements: Axis & { readonly reduction: ScatterReduction };
  ScatterND: { readonly reduction: ScatterReduction };
  Shape: { readonly start: number; readonly end?: number };
  Size: None;
}

export const indexingOps: OpSpecs<IndexingAttributes> = {
  ConstantOfShape: arity(1, 1, {
    value: { kind: "tensor", default: { dtype: "float32", shape: [1], data: new Float32Array(1) } },
  }),
  Compress: arity(2, 2, { axis: { kind: "int", presence: "optional" } }),
  EyeLike: arity(1, 1, { dtype: { kind: "dtype", presence: "optional" }, k: int(0) }),
  Gather: arity(2, 2, { axis: int(0) }),
  GatherElements: arity(2, 2, { axis: int(0) }),
  GatherND: arity(2, 2, { batch_dims: int(0) }),
  NonZero: unary,
  OneHot: arity(3, 3, { axis: int(-1) }),
  Range: arity(3, 3, {}),
  ScatterElements: arity(3, 3, { axis: int(0), reduction: word("none", "add", "mul", "max", "min") }),
  ScatterND: arity(3, 3, { reduction: word("none", "add", "mul", "max", "min") }),
  Shape: arity(1, 1, { start: int(0), end: { kind: "int", presence: "optional" } }),
  Size: unary,
};
