/** How far one update is from another, and how far is too far. */
import { assert } from "@pingo/core";

/** Of up to this many steps. SOURCE: docs/ARCHITECTURE.md §5. */
const TOLERANCE = 1e-3;
const TOLERANCE_STEPS = 100;

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

/** Rounding differs between processors, and every step carries it on: beyond 100 steps the tolerance grows with them. */
export function isSameWork(deviation: number, steps: number): boolean {
  return deviation <= TOLERANCE * Math.max(1, steps / TOLERANCE_STEPS);
}
