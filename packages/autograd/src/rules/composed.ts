/** The families whose operators are all composed of plain ones, which have the gradients. */
import type { AttentionAttributes } from "../graph/ops/attention.ts";
import type { LossAttributes } from "../graph/ops/loss.ts";
import { isComposed, type RuleFamily } from "./rule.ts";

export const composedRules: RuleFamily<keyof AttentionAttributes | keyof LossAttributes> = {
  Attention: isComposed,
  RotaryEmbedding: isComposed,
  NegativeLogLikelihoodLoss: isComposed,
  SoftmaxCrossEntropyLoss: isComposed,
};
