import { type LearningRateSchedule, learningRateFactor } from "@pingo/core";

/** Of each of `count` steps from `from` on, counted over the whole run of `total`. */
export function learningRatesOf(
  rate: { readonly learningRate: number; readonly schedule?: LearningRateSchedule | undefined },
  { from, count, total }: { readonly from: number; readonly count: number; readonly total: number },
): Float32Array {
  const { learningRate, schedule } = rate;
  return Float32Array.from({ length: count }, (_, i) =>
    schedule === undefined ? learningRate : learningRate * learningRateFactor(schedule, from + i, total),
  );
}
