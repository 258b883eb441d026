/** Losses of classes, composed of plain operators. */
import type { LossAttributes } from "../graph/ops/loss.ts";
import { at, range, sizeOf, type Value } from "../rules/emitter.ts";
import type { Composition, CompositionContext } from "./composition.ts";

export const crossEntropyComposition: Composition<"SoftmaxCrossEntropyLoss"> = (context) => {
  const { emit, x } = context;
  const logs = emit.node("LogSoftmax", [x()], { axis: 1 }, x().dtype, x().shape);
  return [likelihood(context, logs), logs];
};

export const likelihoodComposition: Composition<"NegativeLogLikelihoodLoss"> = (context) => [
  likelihood(context, context.x()),
];

/**
 * −w_t·log p_t of each position, by a product with a one-hot row: gathering would be scattered back, which takes longer.
 */
function likelihood<K extends keyof LossAttributes>(context: CompositionContext<K>, logs: Value): Value {
  const { emit, x, hasInput } = context;
  const { ignore_index, reduction }: LossAttributes["NegativeLogLikelihoodLoss"] = context.attributes;
  const { dtype, shape } = logs;
  const classes = at(shape, 1);
  const positions = sizeOf(shape) / classes;
  const lastly = [0, ...range(shape.length - 2, 2), 1];
  const rows = emit.reshape(emit.transpose(logs, lastly), [positions, classes]);
  const given = emit.reshape(emit.cast(x(1), "int64"), [positions]);
  const isIgnored =
    ignore_index === undefined ? undefined : emit.compare("Equal", given, emit.scalar(ignore_index, "int64"));
  const labels = isIgnored === undefined ? given : emit.where(isIgnored, emit.scalar(0, "int64"), given);
  const heights = emit.constant({ dtype: "float32", shape: [2], data: Float32Array.of(0, 1) });
  const inputs = [labels, emit.scalar(classes, "int64"), emit.cast(heights, dtype)];
  const hot = emit.node("OneHot", inputs, { axis: -1 }, dtype, [positions, classes]);
  const counts = isIgnored && emit.cast(emit.node("Not", [isIgnored], {}, "bool", [positions]), dtype);
  const own = hasInput(2) ? emit.gather(x(2), labels, 0) : undefined;
  const weights = own && counts ? emit.mul(own, counts) : (own ?? counts);
  const picked = emit.neg(emit.sum(emit.mul(rows, hot), [1]));
  const losses = weights === undefined ? picked : emit.mul(picked, weights);
  if (reduction === "none") return emit.reshape(losses, x(1).shape);
  if (reduction === "sum") return emit.sum(losses, [0]);
  if (weights === undefined) return emit.mean(losses, [0]);
  return emit.div(emit.sum(losses, [0]), emit.sum(weights, [0]));
}
