/** Cases of: losses that exporters write into the model. */
import type { LossAttributes } from "../../ops/loss.ts";
import type { Draw, OpCases, OpInput } from "./draw.ts";

function classLoss(r: Draw) {
  const [rows, classes] = [r.int(2, 4), r.int(2, 4)];
  const positions = r.pick([], [2], [2, 3]);
  const labels = r.indices([rows, ...positions], classes);
  const inputs: OpInput[] = [r.floats([rows, classes, ...positions]), labels];
  if (r.flag()) inputs.push(r.floats([classes]));
  // The label of the first position never is the ignored one, so that something counts.
  const first = Number(labels.tensor.data[0]);
  const attributes = {
    ...(r.flag() ? { ignore_index: (first + 1) % classes } : {}),
    reduction: r.pick<LossAttributes["NegativeLogLikelihoodLoss"]["reduction"]>("mean", "sum", "none"),
  };
  return { inputs, attributes };
}

export const lossCases: OpCases<keyof LossAttributes> = {
  NegativeLogLikelihoodLoss: classLoss,
  SoftmaxCrossEntropyLoss: (r) => ({ ...classLoss(r), outputs: r.int(1, 2) }),
};
