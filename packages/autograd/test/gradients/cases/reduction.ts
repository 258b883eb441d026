/** Gradient cases of: operators that look along axes. */
import type { ReductionAttributes } from "../../../src/graph/ops/reduction.ts";
import type { Tensor } from "../../../src/graph/tensor.ts";
import { stopsGradient } from "../../../src/rules/rule.ts";
import { i64 } from "../../run-graph.ts";
import type { GradientCases } from "../check.ts";
import type { Draw } from "../draw.ts";
import { shape, vector } from "./parts.ts";

function reduction(draw: Draw, x: (dims: readonly number[]) => Tensor) {
  const dims = shape(draw, 2, 4);
  const axes = dims.map((_, i) => i).filter(() => draw.int(0, 1) === 0);
  const attributes = { keepdims: draw.int(0, 1), noop_with_empty_axes: draw.int(0, 1) };
  if (draw.int(0, 3) === 0) return { inputs: [x(dims)], attributes };
  const given = axes.map((axis) => (draw.int(0, 1) === 0 ? axis : axis - dims.length));
  return { inputs: [x(dims), vector(given)], attributes };
}

function softmax(draw: Draw) {
  const dims = shape(draw, 2, 3);
  return { inputs: [draw.signed(dims)], attributes: { axis: draw.int(-dims.length, dims.length - 1) } };
}

export const reductionCases: GradientCases<keyof ReductionAttributes> = {
  ReduceProd: (draw) => reduction(draw, draw.positive),
  ReduceL1: (draw) => reduction(draw, draw.signed),
  ReduceL2: (draw) => reduction(draw, draw.signed),
  ReduceLogSum: (draw) => reduction(draw, draw.positive),
  ReduceLogSumExp: (draw) => reduction(draw, draw.signed),
  ReduceMax: (draw) => reduction(draw, draw.distinct),
  ReduceMean: (draw) => reduction(draw, draw.signed),
  ReduceMin: (draw) => reduction(draw, draw.distinct),
  ReduceSum: (draw) => reduction(draw, draw.signed),
  ReduceSumSquare: (draw) => reduction(draw, draw.signed),
  CumSum: (draw) => ({
    inputs: [draw.signed([draw.int(1, 4), draw.int(1, 4), draw.int(1, 4)]), i64([], [draw.int(-3, 2)])],
    attributes: { exclusive: draw.int(0, 1), reverse: draw.int(0, 1) },
  }),
  Softmax: softmax,
  LogSoftmax: softmax,
  ArgMax: stopsGradient,
  ArgMin: stopsGradient,
  Hardmax: stopsGradient,
  TopK: (draw) => {
    const dims = shape(draw, 1, 3);
    const axis = draw.int(-dims.length, dims.length - 1);
    const k = draw.int(1, dims.at(axis) ?? 1);
    return {
      inputs: [draw.distinct(dims), vector([k])],
      attributes: { axis, largest: draw.int(0, 1), sorted: 1 },
      outputs: 1,
    };
  },
};
