/** The row-weighted mean of a round's updates, accumulated in float64 so that the order of arrival hardly matters. */
import type { ProgramSignature } from "@pingo/autograd";
import { spansOf, weightsLength } from "./program.ts";
import { TrainingError } from "./training-error.ts";
import { indexOfNotFinite } from "./vector.ts";

export interface WeightedUpdate {
  /** Flat f32, as runUnit returns it. */
  readonly update: Float32Array;
  readonly rows: number;
}

export interface Aggregator {
  /** The update is added and not kept: one at a time is in memory. @throws {TrainingError} UPDATE_LENGTH, UPDATE_NOT_FINITE */
  add(update: WeightedUpdate): void;
  /** f32, flat; the mean of trained parameters' steps and of statistics' values. @throws {TrainingError} NO_UPDATES */
  mean(): Float32Array<ArrayBuffer>;
}

export function createAggregator(signature: ProgramSignature): Aggregator {
  const sum = new Float64Array(weightsLength(signature));
  let rows = 0;
  let updates = 0;
  return {
    add({ update, rows: weight }) {
      checkUpdate(update, signature, updates);
      for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? 0) + weight * (update[i] ?? 0);
      updates += 1;
      rows += weight;
    },
    mean() {
      if (rows === 0) throw new TrainingError({ code: "NO_UPDATES" });
      const mean = new Float32Array(sum.length);
      for (let i = 0; i < sum.length; i++) mean[i] = (sum[i] ?? 0) / rows;
      return mean;
    },
  };
}

/** @throws {TrainingError} NO_UPDATES, UPDATE_LENGTH, UPDATE_NOT_FINITE */
export function aggregate(
  updates: Iterable<WeightedUpdate>,
  signature: ProgramSignature,
): Float32Array<ArrayBuffer> {
  const aggregator = createAggregator(signature);
  for (const update of updates) aggregator.add(update);
  return aggregator.mean();
}

/**
 * Whether an update can be merged at all: its length, and only finite numbers.
 *
 * @param index names the update in the fault
 * @throws {TrainingError} UPDATE_LENGTH, UPDATE_NOT_FINITE
 */
export function checkUpdate(update: Float32Array, signature: ProgramSignature, index: number): void {
  const expected = weightsLength(signature);
  if (update.length !== expected) {
    throw new TrainingError({ code: "UPDATE_LENGTH", update: index, length: update.length, expected });
  }
  const at = indexOfNotFinite(update);
  if (at < 0) return;
  const span = spansOf(signature).find(({ from, to }) => from <= at && at < to);
  throw new TrainingError({ code: "UPDATE_NOT_FINITE", update: index, parameter: span?.name ?? "" });
}
