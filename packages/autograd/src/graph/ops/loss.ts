/** Losses that exporters write into the model. */
import { arity, type OpSpecs, word } from "./spec.ts";

interface ClassLoss {
  /** The label that does not count. */
  readonly ignore_index?: number;
  readonly reduction: "mean" | "sum" | "none";
}

export interface LossAttributes {
  /** log-probabilities [N, C, …], labels [N, …], weights? [C] */
  NegativeLogLikelihoodLoss: ClassLoss;
  /** scores [N, C, …], labels [N, …], weights? [C] → loss, log-probabilities? */
  SoftmaxCrossEntropyLoss: ClassLoss;
}

const classLoss = {
  ignore_index: { kind: "int", presence: "optional" },
  reduction: word("mean", "sum", "none"),
} as const;

export const lossOps: OpSpecs<LossAttributes> = {
  NegativeLogLikelihoodLoss: arity(2, 3, classLoss),
  SoftmaxCrossEntropyLoss: arity(2, 3, classLoss, 2),
};
