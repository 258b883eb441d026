/** The row-weighted mean of a round's updates, accumulated in float64 so that the order of arrival hardly matters. */
import type { ProgramSignature } from "@pingo/autograd";
import { spansOf, weightsLength } from "./program.ts";
import { TrainingError } from "./training-error.ts";

export interface WeightedUpdate {
  /** Flat f32, as runUnit returns it. */
  readonly update: Float32Array;
  readonly rows: number;
}

/**
 * @returns f32, flat; the mean of trained parameters' steps and of statistics' values
 * @throws {TrainingError} NO_UPDATES, UPDATE_LENGTH, UPDATE_NOT_FINITE
 */
export function aggregate(
  updates: readonly WeightedUpdate[],
  signature: ProgramSignature,
): Float32Array<ArrayBuffer> {
  const rows = updates.reduce((sum, update) => sum + update.rows, 0);
  if (rows === 0) throw new TrainingError({ code: "NO_UPDATES" });
  for (const [index, { update }] of updates.entries()) checkUpdate(update, signature, index);
  const sum = new Float64Array(weightsLength(signature));
  for (const { update, rows: weight } of updates) {
    for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? 0) + weight * (update[i] ?? 0);
  }
  return Float32Array.from(sum, (value) => value / rows);
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
  const at = update.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return;
  const span = spansOf(signature).find(({ from, to }) => from <= at && at < to);
  throw new TrainingError({ code: "UPDATE_NOT_FINITE", update: index, parameter: span?.name ?? "" });
}
