/** What is trained beside a model's own weights, as a job names it: low-rank adapters. */
import { z } from "zod";
import { zPatterns } from "./pattern.ts";

export interface Adaptation {
  readonly lora: Lora;
}

/** SOURCE: Hu et al., 2021, https://arxiv.org/abs/2106.09685: W + (alpha / rank)·B·A, of which A and B are trained. */
export interface Lora {
  readonly rank: number;
  readonly alpha: number;
  /** Patterns over the names of weights, and of the nodes that they go into. */
  readonly targets: readonly string[];
}

/** A rank as large as the weight's own would save nothing. */
const RANK_MAX = 1_024;

export const zLora = z.strictObject({
  rank: z.int().min(1).max(RANK_MAX),
  alpha: z.number().positive().max(1e6),
  targets: zPatterns,
});

export const zAdaptation: z.ZodType<Adaptation> = z.strictObject({ lora: zLora });
