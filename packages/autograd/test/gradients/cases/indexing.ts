/** Gradient cases of: operators that pick, place or make elements by index. */
import type { IndexingAttributes } from "../../../src/graph/ops/indexing.ts";
import { stopsGradient } from "../../../src/rules/rule.ts";
import { i64 } from "../../run-graph.ts";
import type { GradientCases } from "../check.ts";

export const indexingCases: GradientCases<keyof IndexingAttributes> = {
  Gather: (draw) => {
    const axis = draw.int(-3, 2);
    const indices = draw.indices(draw.pick([[], [4], [2, 3]]), [5, 4, 3].at(axis) ?? 1);
    return { inputs: [draw.signed([5, 4, 3]), indices], attributes: { axis } };
  },
  GatherElements: (draw) => {
    const axis = draw.int(0, 1);
    return {
      inputs: [draw.signed([3, 4]), draw.indices([3, 4].with(axis, 5), axis === 0 ? 3 : 4)],
      attributes: { axis },
    };
  },
  GatherND: (draw) => ({
    inputs: [draw.signed([3, 4, 2]), draw.indices([5, 2], 3)],
    attributes: { batch_dims: 0 },
  }),
  ScatterElements: (draw) => {
    const reduction = draw.pick(["none", "add"] as const);
    const inputs = [draw.signed([4, 3]), i64([2, 3], [0, 1, 2, 3, 0, 1]), draw.signed([2, 3])];
    return { inputs, attributes: { axis: 0, reduction } };
  },
  ScatterND: (draw) => {
    const reduction = draw.pick(["none", "add"] as const);
    return {
      inputs: [draw.signed([4, 3]), i64([2, 1], [2, 0]), draw.signed([2, 3])],
      attributes: { reduction },
    };
  },
  ConstantOfShape: stopsGradient,
  OneHot: stopsGradient,
  Range: stopsGradient,
  Shape: stopsGradient,
  Size: stopsGradient,
  Compress: (draw) => {
    const axis = draw.int(-2, 1);
    if (draw.int(0, 1) === 0)
      return { inputs: [draw.signed([3, 4]), draw.flags([draw.int(1, 12)])], attributes: {} };
    return {
      inputs: [draw.signed([3, 4]), draw.flags([axis === 0 || axis === -2 ? 3 : 4])],
      attributes: { axis },
    };
  },
  EyeLike: stopsGradient,
  NonZero: stopsGradient,
};
