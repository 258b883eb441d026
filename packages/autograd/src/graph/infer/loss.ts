/** Types of losses. */
import { showShape } from "../fault.ts";
import type { LossAttributes } from "../ops/loss.ts";
import type { TensorType } from "../tensor.ts";
import { FLOATS, INDICES, type Rules, type Site } from "./site.ts";

export const loss: Rules<keyof LossAttributes> = {
  NegativeLogLikelihoodLoss: (site) => [classLoss(site)],
  SoftmaxCrossEntropyLoss: (site) => [classLoss(site), site.input(0)],
};

function classLoss(site: Site<"NegativeLogLikelihoodLoss"> | Site<"SoftmaxCrossEntropyLoss">): TensorType {
  const { dtype, shape } = site.input(0, FLOATS);
  const [rows, classes, ...positions] = shape;
  if (rows === undefined || classes === undefined)
    throw site.shape(`${showShape(shape)} must be [N, classes, …]`);
  site.input(1, INDICES);
  const wanted = [rows, ...positions];
  site.rank(1, wanted.length).shape.forEach((dim, axis) => {
    site.unify(dim, wanted[axis] ?? dim, `the labels do not fit ${showShape(shape)} on axis ${axis}`);
  });
  if (site.has(2))
    site.unify(site.rank(2, 1).shape[0] ?? 1, classes, "there is not one weight for each class");
  return { dtype, shape: site.attributes.reduction === "none" ? wanted : [] };
}
