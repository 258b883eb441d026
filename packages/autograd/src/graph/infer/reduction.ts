/** Types of reductions along axes. */
import type { ReductionAttributes } from "../ops/reduction.ts";
import type { OpKind } from "../ops.ts";
import type { Dim, Shape, TensorType } from "../tensor.ts";
import { FLOATS, INDICES, NUMBERS, type Rules, type Site } from "./site.ts";

type ReduceOp = Extract<OpKind, `Reduce${string}`>;

export const reduction: Rules<keyof ReductionAttributes> = {
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
  CumSum: (site) => {
    site.input(1, INDICES);
    const axis = site.knownInts(1)?.[0];
    const x = site.input(0, NUMBERS);
    if (axis !== undefined) site.axis(axis, x.shape.length);
    return [x];
  },
  Softmax: alongAxis,
  Hardmax: alongAxis,
  TopK: (site) => {
    const { dtype, shape } = site.input(0, NUMBERS);
    const axis = site.axis(site.attributes.axis, shape.length);
    site.input(1, ["int64"]);
    const k = site.dimOr(site.known(1)?.elements[0]);
    const dim = shape[axis];
    if (typeof k === "number" && (k < 0 || (typeof dim === "number" && k > dim)))
      throw site.shape(`the ${k} first of ${dim} elements are asked for`);
    const picked = shape.with(axis, k);
    return [
      { dtype, shape: picked },
      { dtype: "int64", shape: picked },
    ];
  },
  LogSoftmax: alongAxis,
};

function reduce(site: Site<ReduceOp>): readonly TensorType[] {
  const { dtype, shape } = site.input(0, NUMBERS);
  const { keepdims, noop_with_empty_axes: keepsAll } = site.attributes;
  const given = site.has(1) ? reducedAxes(site) : [];
  if (given === undefined) {
    // Axes known only at run time: all that is sure is the rank when it is kept.
    if (keepdims === 0) throw site.illegal("its axes must be known before the run");
    return [{ dtype, shape: shape.map(() => site.fresh()) }];
  }
  if (given.length === 0 && keepsAll !== 0) return [{ dtype, shape }];
  const axes = given.length === 0 ? shape.map((_, i) => i) : site.axes(given, shape.length);
  return [{ dtype, shape: dropAxes(shape, axes, keepdims !== 0) }];
}

function reducedAxes(site: Site<ReduceOp>): readonly number[] | undefined {
  const { shape } = site.input(1, ["int64"]);
  return shape.length === 1 && shape[0] === 0 ? [] : site.knownInts(1);
}

function argument(site: Site<"ArgMax"> | Site<"ArgMin">): readonly TensorType[] {
  const { shape } = site.input(0, NUMBERS);
  const axis = site.axis(site.attributes.axis, shape.length);
  return [{ dtype: "int64", shape: dropAxes(shape, [axis], site.attributes.keepdims !== 0) }];
}

function alongAxis(site: Site<"Softmax"> | Site<"LogSoftmax"> | Site<"Hardmax">): readonly TensorType[] {
  const x = site.input(0, FLOATS);
  site.axis(site.attributes.axis, x.shape.length);
  return [x];
}

function dropAxes(shape: Shape, axes: readonly number[], keep: boolean): Shape {
  if (keep) return shape.map((dim, i): Dim => (axes.includes(i) ? 1 : dim));
  return shape.filter((_, i) => !axes.includes(i));
}
