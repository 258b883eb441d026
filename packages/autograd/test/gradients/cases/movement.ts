/** Gradient cases of: operators that move elements about. */
import type { MovementAttributes } from "../../../src/graph/ops/movement.ts";
import type { Tensor } from "../../../src/graph/tensor.ts";
import { f32, i64 } from "../../run-graph.ts";
import type { Case, GradientCases } from "../check.ts";
import type { Draw } from "../draw.ts";
import { shape, smaller, vector } from "./parts.ts";

function slice(draw: Draw): Case<"Slice"> {
  const x = draw.signed([5, 6, 4]);
  const [starts, ends, axes, steps] = draw.pick([
    [[1], [4], [0], [1]],
    [
      [1, 0],
      [6, 3],
      [1, 2],
      [2, 1],
    ],
    [[-1], [-7], [1], [-2]],
    [
      [0, 1],
      [5, 100],
      [0, -1],
      [3, 2],
    ],
    [[4], [-100], [0], [-1]],
  ] as const);
  return { inputs: [x, vector(starts), vector(ends), vector(axes), vector(steps)], attributes: {} };
}

const RESIZE = {
  mode: "nearest",
  antialias: 0,
  cubic_coeff_a: -0.75,
  exclude_outside: 0,
  extrapolation_value: 0,
  keep_aspect_ratio_policy: "stretch",
} as const;

export const movementCases: GradientCases<keyof MovementAttributes> = {
  Concat: (draw) => {
    const axis = draw.int(-2, 1);
    const other = (): number[] => [3, 3].with(axis, draw.int(1, 4));
    return {
      inputs: [draw.signed(other()), draw.signed(other()), draw.signed(other())],
      attributes: { axis },
    };
  },
  DepthToSpace: (draw) => ({
    inputs: [draw.signed([2, 8, 3, 2])],
    attributes: { blocksize: 2, mode: draw.pick(["DCR", "CRD"]) },
  }),
  Expand: (draw) => {
    const full = shape(draw, 2, 4);
    return { inputs: [draw.signed(smaller(draw, full)), vector(full)], attributes: {} };
  },
  Flatten: (draw) => ({ inputs: [draw.signed([2, 3, 4])], attributes: { axis: draw.int(-2, 3) } }),
  Pad: (draw) => {
    const pads = [0, 0, 0, 0].map(() => draw.int(-1, 2));
    if (draw.int(0, 1) === 0)
      return { inputs: [draw.signed([3, 4]), vector(pads)], attributes: { mode: "constant" } };
    const inputs: (Tensor | "")[] = [draw.signed([2, 4, 3]), vector([1, 2]), "", vector([1])];
    if (draw.int(0, 1) === 0) return { inputs, attributes: { mode: "constant" } };
    const mode = draw.pick(["reflect", "edge", "wrap"] as const);
    return {
      inputs: [draw.signed([3, 4]), vector(pads.map((width) => Math.max(0, width)))],
      attributes: { mode },
    };
  },
  Reshape: (draw) => ({
    inputs: [
      draw.signed([2, 3, 4]),
      vector(
        draw.pick([
          [6, 4],
          [0, -1],
          [4, -1, 2],
        ]),
      ),
    ],
    attributes: { allowzero: 0 },
  }),
  Resize: (draw) => {
    const scales = f32([4], [1, 1, draw.int(1, 3), draw.int(1, 3)]);
    const x = draw.signed([2, 2, 3, 4]);
    if (draw.int(0, 1) === 0) {
      const coordinate_transformation_mode = draw.pick([
        "half_pixel",
        "pytorch_half_pixel",
        "align_corners",
        "asymmetric",
      ] as const);
      const sizes = vector([2, 2, draw.int(2, 8), draw.int(2, 8)]);
      const linear = {
        ...RESIZE,
        mode: "linear",
        nearest_mode: "floor",
        coordinate_transformation_mode,
      } as const;
      return { inputs: [x, "", "", sizes], attributes: linear };
    }
    const repeat = draw.pick([
      { coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" },
      { coordinate_transformation_mode: "half_pixel", nearest_mode: "round_prefer_floor" },
    ] as const);
    return {
      inputs: [x, "", scales],
      attributes: { ...RESIZE, ...repeat },
      fixed: [2],
    };
  },
  Slice: slice,
  SpaceToDepth: (draw) => ({ inputs: [draw.signed([2, 2, 4, 6])], attributes: { blocksize: 2 } }),
  Split: (draw) => {
    const axis = draw.int(-2, 1);
    const dims = [3, 3].with(axis, 6);
    if (draw.int(0, 1) === 0)
      return { inputs: [draw.signed(dims)], attributes: { axis, num_outputs: 3 }, outputs: 3 };
    return { inputs: [draw.signed(dims), vector([1, 3, 2])], attributes: { axis }, outputs: 3 };
  },
  Squeeze: (draw) => ({
    inputs: [draw.signed([2, 1, 3, 1]), vector(draw.pick([[1], [1, 3], [-1]]))],
    attributes: {},
  }),
  Tile: (draw) => ({
    inputs: [draw.signed([2, 3]), vector([draw.int(1, 3), draw.int(1, 3)])],
    attributes: {},
  }),
  Transpose: (draw) => ({
    inputs: [draw.signed([2, 3, 4])],
    attributes: {
      perm: draw.pick([
        [0, 2, 1],
        [2, 0, 1],
        [1, 2, 0],
      ]),
    },
  }),
  Trilu: (draw) => ({
    inputs: [draw.signed([2, 4, 4]), i64([], [draw.int(-2, 2)])],
    attributes: { upper: draw.int(0, 1) },
  }),
  Unsqueeze: (draw) => ({
    inputs: [draw.signed([2, 3]), vector(draw.pick([[0], [1, 3], [-1]]))],
    attributes: {},
  }),
  ReverseSequence: (draw) => {
    const time = draw.int(0, 1);
    const lengths = [0, 1, 2].map(() => draw.int(1, 4));
    const dims = time === 0 ? [4, 3, 2] : [3, 4, 2];
    return {
      inputs: [draw.signed(dims), vector(lengths)],
      attributes: { batch_axis: 1 - time, time_axis: time },
    };
  },
};
