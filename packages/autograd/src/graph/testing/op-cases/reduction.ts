/** Cases of: operators that look along axes. */
import type { Reduce, ReductionAttributes } from "../../ops/reduction.ts";
import { type Draw, ints, type OpCases, type OpInput, scalar } from "./draw.ts";

function reduce(r: Draw): { inputs: OpInput[]; attributes: Reduce } {
  const shape = r.shape(1);
  const axes = r.subset(shape.length).map((axis) => (r.flag() ? axis : axis - shape.length));
  const inputs = r.flag() ? [r.floats(shape)] : [r.floats(shape), ints(axes)];
  return { inputs, attributes: { keepdims: r.bit(), noop_with_empty_axes: r.bit() } };
}

function argument(r: Draw) {
  const shape = r.shape(1);
  const attributes = { axis: r.axis(shape.length), keepdims: r.bit(), select_last_index: r.bit() };
  return { inputs: [r.floats(shape)], attributes };
}

function alongAxis(r: Draw) {
  const shape = r.shape(1);
  return { inputs: [r.floats(shape)], attributes: { axis: r.axis(shape.length) } };
}

export const reductionCases: OpCases<keyof ReductionAttributes> = {
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
  CumSum: (r) => {
    const shape = r.shape();
    return {
      inputs: [r.floats(shape), scalar(r.axis(shape.length), "int64")],
      attributes: { exclusive: r.bit(), reverse: r.bit() },
    };
  },
  Softmax: alongAxis,
  LogSoftmax: alongAxis,
  Hardmax: alongAxis,
  TopK: (r) => {
    const shape = r.shape(1);
    const axis = r.axis(shape.length);
    return {
      inputs: [r.floats(shape), ints([r.int(1, shape.at(axis) ?? 1)])],
      attributes: { axis, largest: r.bit(), sorted: 1 },
      outputs: 2,
    };
  },
};
