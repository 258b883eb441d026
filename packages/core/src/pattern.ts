/**
 * Patterns over names of parameters: "*" stands for any characters, also none; every other character for itself.
 *
 * They come from strangers and meet names of strangers, so matching takes at most length × length steps.
 */
import { z } from "zod";

/** Longer ones are nobody's. */
const PATTERN_CHARS_MAX = 256;
const PATTERNS_MAX = 256;
/** Looked at for a hint; the cost is names × characters². */
const HINT_NAMES_MAX = 1_000;
const HINT_NAME_CHARS_MAX = 128;

export const zPattern = z.string().min(1).max(PATTERN_CHARS_MAX);
export const zPatterns = z.array(zPattern).min(1).max(PATTERNS_MAX);

export function matchesPattern(pattern: string, name: string): boolean {
  let at = 0;
  let star = -1;
  let resume = 0;
  for (let i = 0; i < name.length; ) {
    if (pattern[at] === "*") {
      star = at++;
      resume = i;
    } else if (pattern[at] === name[i]) {
      at += 1;
      i += 1;
    } else if (star >= 0) {
      // Only the last star need give way: what the ones before it took can stay.
      at = star + 1;
      i = ++resume;
    } else return false;
  }
  while (pattern[at] === "*") at += 1;
  return at === pattern.length;
}

export function matchesAny(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) => matchesPattern(pattern, name));
}

/** The names that come nearest to what a pattern asks for, the nearest first; of equals, the first. */
export function nearestToPattern(
  pattern: string,
  names: readonly string[],
  count: number,
): readonly string[] {
  return names
    .slice(0, HINT_NAMES_MAX)
    .map((name) => ({ name, slips: slipsFrom(pattern, name.slice(0, HINT_NAME_CHARS_MAX)) }))
    .sort((a, b) => a.slips - b.slips)
    .slice(0, count)
    .map(({ name }) => name);
}

/** Letters to insert, delete or replace until the pattern matches the name. */
function slipsFrom(pattern: string, name: string): number {
  let row = Array.from({ length: name.length + 1 }, (_, j) => j);
  for (const letter of pattern) {
    const isStar = letter === "*";
    const next = [(row[0] ?? 0) + (isStar ? 0 : 1)];
    for (let j = 1; j <= name.length; j++) {
      const [above, left, corner] = [row[j] ?? 0, next[j - 1] ?? 0, row[j - 1] ?? 0];
      const slips = isStar
        ? Math.min(above, left)
        : Math.min(above + 1, left + 1, corner + (letter === name[j - 1] ? 0 : 1));
      next.push(slips);
    }
    row = next;
  }
  return row[name.length] ?? 0;
}
