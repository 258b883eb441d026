/** Gradient cases of: losses that exporters write into the model. */
import type { LossAttributes } from "../../../src/graph/ops/loss.ts";
import type { GradientCases } from "../check.ts";
import type { Draw } from "../draw.ts";

function classLoss(draw: Draw) {
  const [rows, classes] = [draw.int(2, 4), draw.int(2, 4)];
  const positions = draw.pick<readonly number[]>([[], [2], [2, 3]]);
  const labels = draw.indices([rows, ...positions], classes);
  const scores = draw.signed([rows, classes, ...positions]);
  const first = Number(labels.data[0]);
  const attributes = {
    ...(draw.int(0, 1) === 0 ? { ignore_index: (first + 1) % classes } : {}),
    reduction: draw.pick(["mean", "sum", "none"] as const),
  };
  const isWeighted = draw.int(0, 1) === 0;
  return { inputs: isWeighted ? [scores, labels, draw.positive([classes])] : [scores, labels], attributes };
}

export const lossCases: GradientCases<keyof LossAttributes> = {
  NegativeLogLikelihoodLoss: classLoss,
  SoftmaxCrossEntropyLoss: (draw) => ({ ...classLoss(draw), outputs: draw.int(1, 2) }),
};
