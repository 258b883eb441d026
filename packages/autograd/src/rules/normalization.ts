/** Backward rules of normalization layers. */
import type { NormalizationAttributes } from "../graph/ops/normalization.ts";
import { axisOf, range, type Value } from "./emitter.ts";
import type { RuleContext, RuleFamily } from "./rule.ts";

export const normalizationRules: RuleFamily<keyof NormalizationAttributes> = {
  BatchNormalization: (context) => batchNormBackward(context),
  InstanceNormalization: (context) => instanceNormBackward(context),
  LayerNormalization: (context) => layerNormBackward(context),
};

/**
 * y = s·x̂ + b with x̂ = (x − μ)·r and r = 1/√(v + ε), μ and v being inputs.
 *
 * In training, programs compute μ and v from the batch by nodes of their own (program/batch-norm.ts), and what
 * flows back through those is added by the differentiator.
 *   db = Σ dy, ds = Σ dy·x̂, dx = dy·s·r, dμ = −s·r·Σ dy, dv = −½·s·r²·Σ dy·x̂   (∂r/∂v = −r³/2)
 */
function batchNormBackward(context: RuleContext<"BatchNormalization">): Value[] {
  const { emit, attributes, x, dy, unsupported } = context;
  if (attributes.training_mode === 1) return unsupported("training mode outside a train program");
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

// Per image and channel: x̂ has mean 0 and variance 1 over the positions.
function instanceNormBackward({ emit, attributes, x, dy }: RuleContext<"InstanceNormalization">): Value[] {
  const { shape } = x();
  const positions = range(shape.length).slice(2);
  const perChannel = shape.slice(1).map((dim, i) => (i === 0 ? dim : 1));
  const centred = emit.sub(x(), emit.mean(x(), positions, 1));
  const variance = emit.mean(emit.square(centred), positions, 1);
  const r = emit.unary("Reciprocal", emit.unary("Sqrt", emit.shift(variance, attributes.epsilon)));
  const hat = emit.mul(centred, r);
  const others = [0, ...positions];
  const ds = emit.sum(emit.mul(dy(), hat), others);
  const dhat = emit.mul(dy(), emit.reshape(x(1), perChannel));
  return [standardizeBackward({ emit, dhat, hat, r, axes: positions }), ds, emit.sum(dy(), others)];
}

function layerNormBackward({ emit, attributes, hasInput, x, y, dy }: RuleContext<"LayerNormalization">) {
  const { shape } = x();
  const axis = axisOf(attributes.axis, shape.length);
  const [mean, r] = [y(1), y(2)]; // saved by the forward pass: [.., 1, …]
  const hat = emit.mul(emit.sub(x(), mean), r);
  const lead = range(axis);
  const ds = emit.sum(emit.mul(dy(), hat), lead);
  const db = hasInput(2) ? emit.sum(dy(), lead) : undefined;
  const dhat = emit.mul(dy(), x(1));
  const axes = range(shape.length - axis, axis);
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
