/** What a job says of parameters by patterns over their names: which decay, and at what rate they move. */
import { type DecayMask, matchesAny, matchesPattern, nearestToPattern, type Optimizer } from "@pingo/core";
import { ProgramError } from "./fault.ts";
import type { ParameterSpec } from "./signature.ts";

const HINTS = 3;

/**
 * A pattern that means nothing is a slip of its author's, whatever it was to do.
 *
 * @param key  where the job has the patterns
 * @throws {ProgramError} PATTERN_UNMATCHED
 */
export function requireMatches(key: string, patterns: readonly string[], names: readonly string[]): void {
  for (const pattern of patterns) {
    if (names.some((name) => matchesPattern(pattern, name))) continue;
    const nearest = nearestToPattern(pattern, names, HINTS);
    throw new ProgramError({ code: "PATTERN_UNMATCHED", key, pattern, nearest });
  }
}

/** @throws {ProgramError} PATTERN_UNMATCHED */
export function checkOptimizerPatterns({ decay, rates }: Optimizer, names: readonly string[]): void {
  requireMatches("optimizer.decay.only", decay?.only ?? [], names);
  requireMatches("optimizer.decay.exclude", decay?.exclude ?? [], names);
  requireMatches("optimizer.rates", rates?.map(({ pattern }) => pattern) ?? [], names);
}

/** Unless the job says otherwise, matrices and more decay; biases and scales do not. */
export function isDecayed({ only, exclude }: DecayMask, { name, shape }: ParameterSpec): boolean {
  const isMeant = only === undefined ? shape.length >= 2 : matchesAny(only, name);
  return isMeant && !matchesAny(exclude ?? [], name);
}

/** Of the learning rate; the first pattern that fits counts. */
export function rateFactor({ rates = [] }: Optimizer, name: string): number {
  return rates.find(({ pattern }) => matchesPattern(pattern, name))?.factor ?? 1;
}
