/** What a job minimizes: the loss, its settings, and which tensor of the data holds the targets. */
import { z } from "zod";

export type Loss =
  | "softmax-cross-entropy"
  | "binary-cross-entropy"
  | "mean-squared-error"
  | "mean-absolute-error"
  | "huber"
  | "kl-divergence"
  | "model-output";
export type Metric = "accuracy";

export interface LossSettings {
  /** Of softmax-cross-entropy: one for each class; the mean is weighted too. */
  readonly classWeights?: readonly number[];
  /** Of softmax-cross-entropy: targets with this label count for nothing. */
  readonly ignoreIndex?: number;
  /** Of softmax-cross-entropy: the share of the target that is spread over all classes. */
  readonly labelSmoothing?: number;
  /** Of binary-cross-entropy: weight of the positive answers against the negative. */
  readonly positiveWeight?: number;
  /** Of huber: where the square becomes a line; 1 unless given. */
  readonly delta?: number;
}

export interface Objective extends LossSettings {
  readonly loss: Loss;
  /** The dataset tensor that holds the targets. */
  readonly target: string;
  /** Of the model; absent: its first. */
  readonly output?: string;
  readonly metrics: readonly Metric[];
}

/** Which settings a loss has, and which metrics mean something for it. */
export const LOSSES: {
  readonly [L in Loss]: {
    readonly settings: readonly (keyof LossSettings)[];
    readonly metrics: readonly Metric[];
  };
} = {
  "softmax-cross-entropy": {
    settings: ["classWeights", "ignoreIndex", "labelSmoothing"],
    metrics: ["accuracy"],
  },
  "binary-cross-entropy": { settings: ["positiveWeight"], metrics: ["accuracy"] },
  "mean-squared-error": { settings: [], metrics: [] },
  "mean-absolute-error": { settings: [], metrics: [] },
  huber: { settings: ["delta"], metrics: [] },
  "kl-divergence": { settings: [], metrics: [] },
  "model-output": { settings: [], metrics: [] },
};

export const zLoss = z.enum([
  "softmax-cross-entropy",
  "binary-cross-entropy",
  "mean-squared-error",
  "mean-absolute-error",
  "huber",
  "kl-divergence",
  "model-output",
]);

/** The keys that only some losses have. */
export const zLossSettings = z.strictObject({
  classWeights: z.array(z.number().min(0).max(1e6)).min(2).max(1_000_000).exactOptional(),
  ignoreIndex: z.int().exactOptional(),
  labelSmoothing: z.number().min(0).lt(1).exactOptional(),
  positiveWeight: z.number().positive().max(1e6).exactOptional(),
  delta: z.number().positive().max(1e6).exactOptional(),
});

export const zOutputName = z.string().min(1).max(1_024);

export const zObjective: z.ZodType<Objective> = z
  .strictObject({
    loss: zLoss,
    target: z.string().min(1).max(256),
    output: zOutputName.exactOptional(),
    metrics: z.array(z.literal("accuracy")).max(8),
    ...zLossSettings.shape,
  })
  .check(checkObjective);

/** Adds an issue for each setting or metric that the loss does not have. */
export function checkObjective({
  value,
  issues,
}: {
  readonly value: LossSettings & { readonly loss: Loss; readonly metrics?: readonly Metric[] | undefined };
  readonly issues: z.core.$ZodRawIssue[];
}): void {
  const { settings, metrics } = LOSSES[value.loss];
  const refuse = (key: string, what: string) =>
    issues.push({
      code: "custom",
      message: `${what} means nothing for ${value.loss}`,
      path: [key],
      input: value,
    });
  for (const key of Object.keys(zLossSettings.shape)) {
    if (Object.hasOwn(value, key) && !settings.some((setting) => setting === key)) refuse(key, key);
  }
  const strange = (value.metrics ?? []).find((metric) => !metrics.includes(metric));
  if (strange !== undefined) refuse("metrics", strange);
}
