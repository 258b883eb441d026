/** Losses of classes, composed of plain operators. */
import type { LossAttributes } from "../graph/ops/loss.ts";
import { labelsOrEnd } from "../objective/softmax-cross-entropy.ts";
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
  const meant = isIgnored === undefined ? given : emit.where(isIgnored, emit.scalar(0, "int64"), given);
  const labels = labelsOrEnd(emit, meant, classes);
  const heights = emit.constant({ dtype: "float32", shape: [2], data: Float32Array.of(0, 1) });
  const inputs = [labels, emit.scalar(classes, "int64"), emit.cast(heights, dtype)];
  const hot = emit.node("OneHot", inputs, { axis: -1 }, dtype, [positions, classes]);
  const counts = isIgnored && emit.cast(emit.node("Not", [isIgnored], {}, "bool", [positions]), dtype);
  // Ones too are gathered: it ends the call at a label that is no class, where a one-hot row would be empty.
  const ones = () => emit.expand(emit.cast(emit.scalar(1), dtype), [classes]);
  const own = emit.gather(hasInput(2) ? x(2) : ones(), labels, 0);
  const weights = counts === undefined ? own : emit.mul(own, counts);
  const losses = emit.mul(emit.neg(emit.sum(emit.mul(rows, hot), [1])), weights);
  if (reduction === "none") return emit.reshape(losses, x(1).shape);
  if (reduction === "sum") return emit.sum(losses, [0]);
  if (counts === undefined && !hasInput(2)) return emit.mean(losses, [0]);
  return emit.div(emit.sum(losses, [0]), emit.sum(weights, [0]));
}
