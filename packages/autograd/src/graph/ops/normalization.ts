/** Normalizations. */
import { type Axis, arity, float, int, type OpSpecs } from "./spec.ts";

export interface NormalizationAttributes {
  /** x, scale, bias, mean, var → y, running_mean?, running_var? (the two only when training_mode is 1) */
  BatchNormalization: { readonly epsilon: number; readonly momentum: number; readonly training_mode: number };
  /** x, scale, bias */
  InstanceNormalization: { readonly epsilon: number };
  /** x, scale, bias? → y, mean?, invStdDev? */
  LayerNormalization: Axis & { readonly epsilon: number; readonly stash_type: number };
}

export const normalizationOps: OpSpecs<NormalizationAttributes> = {
  BatchNormalization: arity(
    5,
    5,
    { epsilon: float(Math.fround(1e-5)), momentum: float(Math.fround(0.9)), training_mode: int(0) },
    3,
  ),
  InstanceNormalization: arity(3, 3, { epsilon: float(Math.fround(1e-5)) }),
  LayerNormalization: arity(
    2,
    3,
    { axis: int(-1), epsilon: float(Math.fround(1e-5)), stash_type: int(1) },
    3,
  ),
};
