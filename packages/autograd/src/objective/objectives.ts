/** The objectives by name. */
import type { Loss } from "@pingo/core";
import { binaryCrossEntropy, huber, meanAbsoluteError, meanSquaredError } from "./elementwise.ts";
import { klDivergence } from "./kl-divergence.ts";
import { modelOutput } from "./model-output.ts";
import type { ObjectiveRule } from "./objective.ts";
import { softmaxCrossEntropy } from "./softmax-cross-entropy.ts";

export const OBJECTIVES: { readonly [L in Loss]: ObjectiveRule } = {
  "softmax-cross-entropy": softmaxCrossEntropy,
  "binary-cross-entropy": binaryCrossEntropy,
  "mean-squared-error": meanSquaredError,
  "mean-absolute-error": meanAbsoluteError,
  huber,
  "kl-divergence": klDivergence,
  "model-output": modelOutput,
};
