/** Operators that move elements about. */
import type { AspectPolicy } from "../aspect-ratio.ts";
import {
  type Axis,
  arity,
  binary,
  bit,
  float,
  int,
  MANY,
  type None,
  type OpSpecs,
  optionalInts,
  word,
} from "./spec.ts";

export interface MovementAttributes {
  Concat: Axis;
  DepthToSpace: { readonly blocksize: number; readonly mode: "DCR" | "CRD" };
  /** x, shape */
  Expand: None;
  Flatten: Axis;
  /** x, pads, constant_value?, axes? */
  Pad: { readonly mode: "constant" | "reflect" | "edge" | "wrap" };
  /** x, lengths int64[batch]: each sequence's first elements backwards, the rest as they are */
  ReverseSequence: { readonly batch_axis: number; readonly time_axis: number };
  /** x, shape */
  Reshape: { readonly allowzero: number };
  /** x, roi?, scales?, sizes? */
  Resize: {
    readonly mode: "nearest" | "linear" | "cubic";
    readonly coordinate_transformation_mode:
      | "half_pixel"
      | "half_pixel_symmetric"
      | "pytorch_half_pixel"
      | "align_corners"
      | "asymmetric"
      | "tf_crop_and_resize";
    readonly nearest_mode: "round_prefer_floor" | "round_prefer_ceil" | "floor" | "ceil";
    readonly antialias: number;
    readonly cubic_coeff_a: number;
    readonly exclude_outside: number;
    readonly extrapolation_value: number;
    readonly keep_aspect_ratio_policy: AspectPolicy;
    readonly axes?: readonly number[];
  };
  /** x, starts, ends, axes?, steps? */
  Slice: None;
  SpaceToDepth: { readonly blocksize: number };
  /** x, split?; `num_outputs` exactly when there is no `split`. */
  Split: Axis & { readonly num_outputs?: number };
  /** x, axes? */
  Squeeze: None;
  /** x, repeats */
  Tile: None;
  Transpose: { readonly perm: readonly number[] };
  /** x, k? */
  Trilu: { readonly upper: number };
  /** x, axes */
  Unsqueeze: None;
}

export const movementOps: OpSpecs<MovementAttributes> = {
  Concat: arity(1, MANY, { axis: { kind: "int", presence: "required" } }),
  DepthToSpace: arity(1, 1, { blocksize: { kind: "int", presence: "required" }, mode: word("DCR", "CRD") }),
  Expand: binary,
  Flatten: arity(1, 1, { axis: int(1) }),
  Pad: arity(2, 4, { mode: word("constant", "reflect", "edge", "wrap") }),
  ReverseSequence: arity(2, 2, { batch_axis: int(1), time_axis: int(0) }),
  Reshape: arity(2, 2, { allowzero: bit(0) }),
  Resize: arity(1, 4, {
    mode: word("nearest", "linear", "cubic"),
    coordinate_transformation_mode: word(
      "half_pixel",
      "half_pixel_symmetric",
      "pytorch_half_pixel",
      "align_corners",
      "asymmetric",
      "tf_crop_and_resize",
    ),
    nearest_mode: word("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"),
    antialias: bit(0),
    cubic_coeff_a: float(-0.75),
    exclude_outside: bit(0),
    extrapolation_value: float(0),
    keep_aspect_ratio_policy: word("stretch", "not_larger", "not_smaller"),
    axes: optionalInts,
  }),
  Slice: arity(3, 5, {}),
  SpaceToDepth: arity(1, 1, { blocksize: { kind: "int", presence: "required" } }),
  Split: arity(1, 2, { axis: int(0), num_outputs: { kind: "int", presence: "optional" } }, MANY),
  Squeeze: arity(1, 2, {}),
  Tile: binary,
  Transpose: arity(1, 1, { perm: { kind: "ints", presence: "derived" } }),
  Trilu: arity(1, 2, { upper: bit(1) }),
  Unsqueeze: binary,
};
