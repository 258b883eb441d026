/** What training on one machine says while it goes on, and what comes of it. */
import type { Evaluation } from "@pingo/autograd";
import type { MetricRecord } from "./provenance.ts";

/** On the held-out data; null without any. */
export type Evaluate = ((weights: Float32Array) => Promise<Evaluation>) | null;

export type LocalProgress =
  | {
      readonly type: "steps";
      readonly round: number;
      /** Of the round. */
      readonly step: number;
      readonly steps: number;
      /** Mean over the steps since the last report. */
      readonly loss: number;
    }
  /** `trainedMs`: of this round, its evaluation left out. */
  | { readonly type: "round"; readonly metric: MetricRecord; readonly trainedMs: number };

export interface LocalTraining {
  /** Flat, as the signature has them. */
  readonly weights: Float32Array;
  /** One for each round; the last may have fewer steps, and then no evaluation, where it was stopped. */
  readonly metrics: readonly MetricRecord[];
  readonly isComplete: boolean;
  /** Between the first step and the last, evaluations left out. */
  readonly trainedMs: number;
}

/** The record of one round. */
export function metricOf(
  round: Pick<MetricRecord, "round" | "trainLoss" | "steps" | "rows" | "atUnixMs">,
  evaluation: Evaluation | null,
): MetricRecord {
  return { ...round, testLoss: evaluation?.loss ?? null, testAccuracy: evaluation?.accuracy ?? null };
}
