/**
 * A running mean of the committed versions: what comes back where a job asks for it.
 *
 *   mean ← mean + (1 − D)/(1 − Dʳ)·(weights − mean), with D = decay^(steps of a round) and r the round
 *
 * which is Σ Dʳ⁻ⁱ·weightsᵢ / Σ Dʳ⁻ⁱ over the rounds so far: the start, which nothing was learned into, is no part of it, as with
 * the corrected moments of Adam. Statistics are averaged as weights are.
 */
import { assert, type TrainJob } from "@pingo/core";

export interface AverageStep {
  /** Flat f32; null before the first round. */
  readonly before: Float32Array | null;
  /** Flat f32: the version that the round committed. */
  readonly weights: Float32Array;
  /** 1 for the first. */
  readonly round: number;
}

/** A new vector, or null where the job asks for no mean. */
export function nextAverage(
  { average, schedule }: Pick<TrainJob, "average" | "schedule">,
  { before, weights, round }: AverageStep,
): Float32Array<ArrayBuffer> | null {
  if (average === undefined) return null;
  // Of the whole round, also where its time limit cut it short: the schedule of the rate counts the same way.
  const decay = average.decay ** schedule.stepsPerRound;
  const share = (1 - decay) / (1 - decay ** round);
  if (before === null || round === 1) return Float32Array.from(weights);
  assert(before.length === weights.length, `a mean of ${before.length} for ${weights.length} weights`);
  const next = new Float32Array(weights.length);
  for (let i = 0; i < next.length; i++) {
    const mean = before[i] ?? Number.NaN;
    next[i] = mean + share * ((weights[i] ?? Number.NaN) - mean);
  }
  return next;
}
