/** Losses of classes. */
import type { LossAttributes } from "../graph/ops/loss.ts";
import type { Evaluations, Step } from "./step.ts";
import { groupsAlong, type Reals, type ReferenceValue, reals, sizeOf } from "./value.ts";

export const lossEvaluations: Evaluations<keyof LossAttributes> = {
  NegativeLogLikelihoodLoss: (step) => [likelihood(step, step.reals())],
  SoftmaxCrossEntropyLoss: (step) => {
    const logs = logSoftmax(step.reals());
    return [likelihood(step, logs), logs];
  },
};

/** Over axis 1. */
function logSoftmax({ dtype, shape, data }: Reals): Reals {
  const logs = new Float64Array(data.length);
  for (const places of groupsAlong(shape, [1])) {
    const top = Math.max(...places.map((at) => data[at]!));
    const total = top + Math.log(places.reduce((sum, at) => sum + Math.exp(data[at]! - top), 0));
    for (const at of places) logs[at] = data[at]! - total;
  }
  return { dtype, shape, data: logs };
}

function likelihood<K extends keyof LossAttributes>(
  step: Step<K>,
  { dtype, shape, data }: Reals,
): ReferenceValue {
  const { ignore_index, reduction }: LossAttributes["NegativeLogLikelihoodLoss"] = step.attributes;
  const [classes, inner] = [shape[1]!, sizeOf(shape.slice(2))];
  const weights = step.has(2) ? step.reals(2).data : undefined;
  const terms = step.numbers(1).map((label, i) => {
    if (label === ignore_index) return { loss: 0, weight: 0 };
    const own = step.placeFromStart(label, classes);
    const at = (Math.trunc(i / inner) * classes + own) * inner + (i % inner);
    const weight = weights?.[label] ?? 1;
    return { loss: -weight * data[at]!, weight };
  });
  if (reduction === "none") return reals(dtype, step.shape(), (i) => terms[i]!.loss);
  const total = terms.reduce((sum, term) => sum + term.loss, 0);
  const weight = terms.reduce((sum, term) => sum + term.weight, 0);
  return reals(dtype, [], () => (reduction === "sum" ? total : total / weight));
}
