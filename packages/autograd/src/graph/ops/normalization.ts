/** Normalizations. */
import { type Axis, arity, bit, float, int, type OpSpecs } from "./spec.ts";

export interface NormalizationAttributes {
  /** x, scale, bias, mean, var → y, running_mean?, running_var? (the two only when training_mode is 1) */
  BatchNormalization: { readonly epsilon: number; readonly momentum: number; readonly training_mode: number };
  /** x, scale, bias */
  InstanceNormalization: { readonly epsilon: number };
  /** x, scale, bias: one number per channel; each group of neighbouring channels is normalized by itself */
  GroupNormalization: {
    readonly epsilon: number;
    readonly num_groups: number;
    readonly stash_type: number;
  };
  /** x, scale */
  RMSNormalization: Axis & { readonly epsilon: number; readonly stash_type: number };
  LpNormalization: Axis & { readonly p: number };
  LRN: { readonly alpha: number; readonly beta: number; readonly bias: number; readonly size: number };
  MeanVarianceNormalization: { readonly axes: readonly number[] };
  /** x, scale, bias? → y, mean?, invStdDev? */
  LayerNormalization: Axis & { readonly epsilon: number; readonly stash_type: number };
}

export const normalizationOps: OpSpecs<NormalizationAttributes> = {
  BatchNormalization: arity(
    5,
    5,
    { epsilon: float(Math.fround(1e-5)), momentum: float(Math.fround(0.9)), training_mode: bit(0) },
    3,
  ),
  InstanceNormalization: arity(3, 3, { epsilon: float(Math.fround(1e-5)) }),
  LayerNormalization: arity(
    2,
    3,
    { axis: int(-1), epsilon: float(Math.fround(1e-5)), stash_type: int(1) },
    3,
  ),
  GroupNormalization: arity(3, 3, {
    epsilon: float(Math.fround(1e-5)),
    num_groups: { kind: "int", presence: "required" },
    stash_type: int(1),
  }),
  RMSNormalization: {
    ...arity(2, 2, { axis: int(-1), epsilon: float(Math.fround(1e-5)), stash_type: int(1) }),
    since: 23,
  },
  LpNormalization: arity(1, 1, { axis: int(-1), p: int(2) }),
  LRN: arity(1, 1, {
    alpha: float(Math.fround(1e-4)),
    beta: float(0.75),
    bias: float(1),
    size: { kind: "int", presence: "required" },
  }),
  MeanVarianceNormalization: arity(1, 1, { axes: { kind: "ints", default: [0, 2, 3] } }),
};
