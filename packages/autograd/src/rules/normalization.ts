/** Backward rules of normalization layers. */
import type { NormalizationAttributes } from "../graph/ops/normalization.ts";
import { axisOf, range, sizeOf, type Value } from "./emitter.ts";
import { channelWindowSum, lrnBase } from "./lrn.ts";
import { type Gradients, isComposed, noInfluence, type RuleContext, type RuleFamily } from "./rule.ts";

/** Keeps a division by a norm finite where it is 0. */
const NORM_MIN = 1e-30;

export const normalizationRules: RuleFamily<keyof NormalizationAttributes> = {
  BatchNormalization: (context) => batchNormBackward(context),
  InstanceNormalization: isComposed,
  GroupNormalization: isComposed,
  RMSNormalization: isComposed,
  LpNormalization: (context) => [lpNormBackward(context)],
  LRN: (context) => [lrnBackward(context)],
  MeanVarianceNormalization: (context) => [meanVarianceBackward(context)],
  LayerNormalization: (context) => layerNormBackward(context),
};

/**
 * y = s·x̂ + b with x̂ = (x − μ)·r and r = 1/√(v + ε), μ and v being inputs, or in training the batch's own.
 *
 * As inputs:  db = Σ dy, ds = Σ dy·x̂, dx = dy·s·r, dμ = −s·r·Σ dy, dv = −½·s·r²·Σ dy·x̂   (∂r/∂v = −r³/2)
 */
function batchNormBackward(context: RuleContext<"BatchNormalization">): Gradients {
  const { emit, attributes, x, dy } = context;
  if (attributes.training_mode === 1) return trainingBatchNormBackward(context);
  const { shape } = x();
  const perChannel = shape.map((dim, i) => (i === 1 ? dim : 1)).slice(1);
  const others = range(shape.length).filter((i) => i !== 1);
  const channel = (value: Value) => emit.reshape(value, perChannel);
  const r = emit.unary("Reciprocal", emit.unary("Sqrt", emit.shift(x(4), attributes.epsilon)));
  const centred = emit.sub(x(), channel(x(3)));
  const db = emit.sum(dy(), others);
  const ds = emit.mul(emit.sum(emit.mul(dy(), centred), others), r);
  const slope = emit.mul(x(1), r);
  const dx = emit.mul(dy(), channel(slope));
  const dmean = emit.neg(emit.mul(slope, db));
  const dvar = emit.scale(emit.mul(emit.mul(slope, r), ds), -0.5);
  return [dx, ds, db, dmean, dvar];
}

/**
 * dx = s·r·(dy − mean(dy) − x̂·mean(dy·x̂)), the means over all but the channels, n elements each:
 *    = dy·(s·r) + [x̂·(−s·r·ds/n) − s·r·db/n], where the bracket is a batch norm of x itself: one pass.
 */
function trainingBatchNormBackward(context: RuleContext<"BatchNormalization">): Gradients {
  const { emit, attributes, node, x, y, dy, unsupported } = context;
  if (attributes.momentum !== 0 || node.outputs.length < 3)
    return unsupported("training mode outside a train program");
  const [mean, variance] = [y(1), y(2)];
  const { dtype, shape } = x();
  const channels = mean.shape;
  const perChannel = shape.map((dim, i) => (i === 1 ? dim : 1)).slice(1);
  const others = range(shape.length).filter((i) => i !== 1);
  const norm = (scale: Value, bias: Value) => {
    const fixed = { ...attributes, training_mode: 0 };
    return emit.node("BatchNormalization", [x(), scale, bias, mean, variance], fixed, dtype, shape);
  };
  const ones = emit.expand(emit.cast(emit.scalar(1), dtype), channels);
  const hat = norm(ones, emit.zeros(dtype, channels));
  const db = emit.sum(dy(), others);
  const ds = emit.sum(emit.mul(dy(), hat), others);
  const r = emit.unary("Reciprocal", emit.unary("Sqrt", emit.shift(variance, attributes.epsilon)));
  const slope = emit.mul(x(1), r);
  const share = emit.scale(slope, -sizeOf(channels) / sizeOf(shape));
  const dx = emit.add2(
    emit.mul(dy(), emit.reshape(slope, perChannel)),
    norm(emit.mul(share, ds), emit.mul(share, db)),
  );
  // The running statistics play no part in what a training step computes.
  return [dx, ds, db, noInfluence, noInfluence];
}

function layerNormBackward(context: RuleContext<"LayerNormalization">): Gradients {
  const { emit, attributes, hasInput, constant, x, y, dy } = context;
  const { shape } = x();
  const axis = axisOf(attributes.axis, shape.length);
  // Saved by the forward pass, always as float32: [.., 1, …].
  const saved = (i: number) => emit.cast(y(i), x().dtype);
  const r = saved(2);
  const axes = range(shape.length - axis, axis);
  // As groups are normalized: y is x̂ itself.
  if (!hasInput(2) && constant(1)?.every((scale) => scale === 1))
    return [standardizeBackward({ emit, dhat: dy(), hat: y(), r, axes })];
  const hat = emit.mul(emit.sub(x(), saved(1)), r);
  const lead = range(axis);
  const ds = emit.sum(emit.mul(dy(), hat), lead);
  const db = hasInput(2) ? emit.sum(dy(), lead) : undefined;
  const dhat = emit.mul(dy(), x(1));
  return [standardizeBackward({ emit, dhat, hat, r, axes }), emit.sumTo(ds, x(1).shape), db];
}

// x̂ = (x − μ(x))·r(x): dx = r·(dx̂ − mean(dx̂) − x̂·mean(dx̂·x̂))
function standardizeBackward({
  emit,
  dhat,
  hat,
  r,
  axes,
}: Pick<RuleContext<"LayerNormalization">, "emit"> & {
  readonly dhat: Value;
  readonly hat: Value;
  readonly r: Value;
  readonly axes: readonly number[];
}): Value {
  const mean = emit.mean(dhat, axes, 1);
  const along = emit.mean(emit.mul(dhat, hat), axes, 1);
  return emit.mul(emit.sub(emit.sub(dhat, mean), emit.mul(hat, along)), r);
}

// y = x/n with n = Σ|x| or √Σx². ∂n/∂x = sign(x) or y, so dx = (dy − ∂n/∂x · Σ dy·y)/n; 0 where n is 0.
function lpNormBackward({ emit, attributes, x, y, dy }: RuleContext<"LpNormalization">): Value {
  const axes = [axisOf(attributes.axis, x().shape.length)];
  const isFirst = attributes.p === 1;
  const total = emit.sum(isFirst ? emit.unary("Abs", x()) : emit.square(x()), axes, 1);
  const norm = isFirst ? total : emit.unary("Sqrt", total);
  const inverse = emit.div(
    emit.mask("Greater", norm, 0),
    emit.binary("Max", norm, emit.like(norm, NORM_MIN)),
  );
  const along = emit.sum(emit.mul(dy(), y()), axes, 1);
  return emit.mul(emit.sub(dy(), emit.mul(isFirst ? emit.unary("Sign", x()) : y(), along)), inverse);
}

/**
 * y = x·s^(−β) with s_c = k + α/n · Σ x² over the n channels around c: dx = dy·s^(−β) − 2αβ/n · x · Σ dy·x·s^(−β−1),
 * the last sum over the channels that x is in the window of.
 */
function lrnBackward({ emit, attributes, x, dy }: RuleContext<"LRN">): Value {
  const { alpha, beta, size } = attributes;
  const before = Math.floor((size - 1) / 2);
  const s = lrnBase(emit, x(), attributes);
  const direct = emit.mul(dy(), emit.binary("Pow", s, emit.like(s, -beta)));
  const crossed = channelWindowSum(emit, emit.div(emit.mul(direct, x()), s), size, size - 1 - before);
  return emit.sub(direct, emit.scale(emit.mul(x(), crossed), (2 * alpha * beta) / size));
}

// y = c/(σ + ε) with c = x − μ and σ = √mean(c²); ε = 1e-9 only keeps it finite.
function meanVarianceBackward({ emit, attributes, x, dy }: RuleContext<"MeanVarianceNormalization">): Value {
  const axes = attributes.axes.map((axis) => axisOf(axis, x().shape.length));
  const centred = emit.sub(x(), emit.mean(x(), axes, 1));
  const deviation = emit.unary("Sqrt", emit.mean(emit.square(centred), axes, 1));
  const r = emit.unary("Reciprocal", emit.shift(deviation, 1e-9));
  return standardizeBackward({ emit, dhat: dy(), hat: emit.mul(centred, r), r, axes });
}
