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
  /** The running mean, of the steps or, with several processes, of the rounds; null where the job asks for none. */
  readonly average: Float32Array | null;
  /** One for each round; the last may have fewer steps, and then no evaluation, where it was stopped. */
  readonly metrics: readonly MetricRecord[];
  readonly isComplete: boolean;
  /** Between the first step and the last, evaluations left out. */
  readonly trainedMs: number;
  /** The most that one call of the trainer had; null where processes of their own made the calls. */
  readonly stepsPerCall: number | null;
}

export type Measurement = Omit<MetricRecord, "round" | "trainLoss" | "steps" | "rows" | "atUnixMs">;

/** A version as the network measures it: by the mean of the rounds where there is one, and then also by itself. */
export async function measureVersion(
  evaluate: Evaluate,
  weights: Float32Array,
  average: Float32Array | null,
): Promise<Measurement> {
  if (evaluate === null) return { testLoss: null, testAccuracy: null };
  const { loss: testLoss, accuracy: testAccuracy } = await evaluate(average ?? weights);
  if (average === null) return { testLoss, testAccuracy };
  const { loss: rawTestLoss, accuracy: rawTestAccuracy } = await evaluate(weights);
  return { testLoss, testAccuracy, rawTestLoss, rawTestAccuracy };
}
