/** How far one update is from another, and how far is too far. */
import { assert } from "@pingo/core";

/**
 * Of up to this many steps. Not ARCHITECTURE.md's 0.001: AdamW's first steps turn the last digits of a gradient near zero into a whole
 * step, and two sets of kernels on one machine come out 0.0035 to 0.0059 apart after 8 steps of the digits' CNN (2026-11). No work, noise and
 * work on other rows are 0.5 and more apart.
 */
const TOLERANCE = 0.05;
const TOLERANCE_STEPS = 100;
/** However many steps: what tells work from none, which is at 1, with as much room on either side as there is. */
const TOLERANCE_MAX = 0.25;
/** Beyond them rounding may carry honest work further away than the tolerance goes: nothing is said of such a unit. */
export const JUDGED_STEPS_MAX = (TOLERANCE_STEPS * TOLERANCE_MAX) / TOLERANCE;

/**
 * @param theirs  f32[n]
 * @param ours    f32[n]
 * @returns ‖theirs - ours‖ / ‖ours‖ in f64; 0 for the same numbers, and ∞ for others where ours are all zero
 */
export function deviationOf(theirs: Float32Array, ours: Float32Array): number {
  assert(theirs.length === ours.length, "updates of one program have one length");
  let apart = 0;
  let whole = 0;
  for (let i = 0; i < ours.length; i++) {
    const our = ours[i] ?? 0;
    const difference = (theirs[i] ?? 0) - our;
    apart += difference * difference;
    whole += our * our;
  }
  return apart === 0 ? 0 : Math.sqrt(apart / whole);
}

/** Rounding differs between processors, and every step carries it on: beyond 100 steps the tolerance grows with them, up to its ceiling. */
export function toleranceOf(steps: number): number {
  return Math.min(TOLERANCE_MAX, TOLERANCE * Math.max(1, steps / TOLERANCE_STEPS));
}

export function isSameWork(deviation: number, steps: number): boolean {
  return deviation <= toleranceOf(steps);
}
