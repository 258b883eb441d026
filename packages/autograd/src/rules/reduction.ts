/** Backward rules of reductions, and of what is a reduction inside: softmax and running sums. */
import type { Reduce, ReductionAttributes } from "../graph/ops/reduction.ts";
import type { OpAttributes, OpKind } from "../graph/ops.ts";
import { axisOf, range, sizeOf, type Value } from "./emitter.ts";
import { type RuleContext, type RuleFamily, stopsGradient } from "./rule.ts";

type ReduceKinds = { [K in OpKind]: OpAttributes[K] extends Reduce ? K : never }[OpKind];

/** Keeps x / ‖x‖ finite at the origin, where the gradient is taken as 0. */
const NORM_MIN = 1e-30;

export const reductionRules: RuleFamily<keyof ReductionAttributes> = {
  ReduceL1: (context) => {
    const { emit, x } = context;
    return [emit.mul(kept(context, context.dy()), emit.unary("Sign", x()))];
  },
  // ∂‖x‖/∂x = x/‖x‖
  ReduceL2: (context) => {
    const { emit, x, y, dy } = context;
    const norm = emit.binary("Max", y(), emit.like(y(), NORM_MIN));
    return [emit.mul(x(), kept(context, emit.div(dy(), norm)))];
  },
  // y = ln Σx, so ∂y/∂x = 1/Σx = e^(−y)
  ReduceLogSum: (context) => {
    const { emit, y, dy, x } = context;
    return [emit.expand(kept(context, emit.mul(dy(), emit.unary("Exp", emit.neg(y())))), x().shape)];
  },
  // ∂y/∂x = eˣ/Σeˣ = e^(x − y)
  ReduceLogSumExp: (context) => {
    const { emit, x, y, dy } = context;
    return [emit.mul(kept(context, dy()), emit.unary("Exp", emit.sub(x(), kept(context, y()))))];
  },
  ReduceMax: extremum,
  ReduceMean: (context) => {
    const { emit, x, y, dy } = context;
    const share = emit.scale(dy(), sizeOf(y().shape) / sizeOf(x().shape));
    return [emit.expand(kept(context, share), x().shape)];
  },
  ReduceMin: extremum,
  // ∂y/∂x_i is the product of the others: of all that are not 0, and 0 where one of the others is.
  ReduceProd: (context) => {
    const { emit, x, dy } = context;
    const isZero = emit.compare("Equal", x(), 0);
    const filled = emit.where(isZero, emit.like(x(), 1), x());
    const zero = emit.cast(isZero, x().dtype);
    const axes = reducedAxes(context);
    const shape = x().shape.map((dim, i) => (axes.includes(i) ? 1 : dim));
    const attributes = { keepdims: 1, noop_with_empty_axes: 1 };
    const product = emit.node("ReduceProd", [filled, emit.integers(axes)], attributes, x().dtype, shape);
    const othersZero = emit.sub(emit.sum(zero, axes, 1), zero);
    const others = emit.mul(emit.div(product, filled), emit.mask("Less", othersZero, 0.5));
    return [emit.mul(kept(context, dy()), others)];
  },
  ReduceSum: (context) => [context.emit.expand(kept(context, context.dy()), context.x().shape)],
  ReduceSumSquare: (context) => {
    const { emit, x, dy } = context;
    return [emit.mul(x(), kept(context, emit.scale(dy(), 2)))];
  },
  ArgMax: stopsGradient,
  ArgMin: stopsGradient,
  Hardmax: stopsGradient,
  // Each index occurs once, so nothing needs to be added up.
  TopK: ({ emit, attributes: { axis }, x, y, dy }) => [
    emit.scatterElements(emit.zeros(x().dtype, x().shape), y(1), dy(), axis, "none"),
  ],
  // y_i sums the x before i, so dx_j sums the dy after j: the same sum, run the other way.
  CumSum: ({ emit, attributes: { exclusive, reverse }, x, dy }) => [
    emit.node("CumSum", [dy(), x(1)], { exclusive, reverse: 1 - reverse }, dy().dtype, x().shape),
  ],
  // ∂y_i/∂x_j = y_i(δ_ij − y_j), so dx = y ⊙ (dy − Σ dy ⊙ y)
  Softmax: ({ emit, attributes, y, dy }) => {
    const axis = axisOf(attributes.axis, y().shape.length);
    const inner = emit.sum(emit.mul(dy(), y()), [axis], 1);
    return [emit.mul(y(), emit.sub(dy(), inner))];
  },
  // y = x − ln Σeˣ, so dx = dy − e^y · Σ dy
  LogSoftmax: ({ emit, attributes, y, dy }) => {
    const axis = axisOf(attributes.axis, y().shape.length);
    return [emit.sub(dy(), emit.mul(emit.unary("Exp", y()), emit.sum(dy(), [axis], 1)))];
  },
};

/** A value of the output's shape, with the reduced axes put back as 1. */
function kept<K extends ReduceKinds>(context: RuleContext<K>, value: Value): Value {
  const { shape } = context.x();
  const axes = reducedAxes(context);
  return context.emit.reshape(
    value,
    shape.map((dim, i) => (axes.includes(i) ? 1 : dim)),
  );
}

function reducedAxes<K extends ReduceKinds>(context: RuleContext<K>): number[] {
  const rank = context.x().shape.length;
  const axes = context.constant(1);
  if (axes === undefined && context.hasInput(1)) return context.unsupported("its axes are not a constant");
  if (axes !== undefined && axes.length > 0) return axes.map((axis) => axisOf(axis, rank));
  const attributes: Reduce = context.attributes;
  return attributes.noop_with_empty_axes === 1 ? [] : range(rank);
}

// Elements that tie share the gradient evenly, as PyTorch's amax does.
function extremum<K extends "ReduceMax" | "ReduceMin">(context: RuleContext<K>): Value[] {
  const { emit, x, y, dy } = context;
  const mask = emit.mask("Equal", x(), kept(context, y()));
  const ties = emit.sum(mask, reducedAxes(context), 1);
  return [emit.mul(mask, emit.div(kept(context, dy()), ties))];
}
