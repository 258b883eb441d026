/**
 * How much of a provider's work is done again: BOINC's rule, less with everything that came out the same, and never nothing.
 *
 * Pure: whoever knows the history comes to the same rate. Why these numbers: docs/adr/0023.
 */
import { assert } from "@pingo/core";

export interface AuditHistory {
  /** Pieces done again that came out the same, since the last that did not. */
  readonly passed: number;
  /** Whether one ever did not. */
  readonly wasRefuted: boolean;
}

/** So many have to come out the same until it is trusted at all; BOINC's number. */
export const TRUSTED_PASSES = 10;

/** @returns the share of its pieces, from `rateMin` to 1 */
export function auditRate({ passed, wasRefuted }: AuditHistory, rateMin: number): number {
  assert(passed >= 0 && rateMin >= 0 && rateMin <= 1, "a history is a count, and a rate a share");
  // Caught once: everything is looked at, what it did before too, until it has shown itself again.
  if (wasRefuted && passed < TRUSTED_PASSES) return 1;
  return Math.max(rateMin, 1 / (TRUSTED_PASSES + passed));
}
