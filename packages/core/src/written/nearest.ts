/** The word a person most likely meant: the known one within a few typing slips. */

/** Slips per word length: one in four letters, at least two. */
const LETTERS_PER_SLIP = 4;

export function nearest(word: string, known: readonly string[]): string | null {
  const slipsMax = Math.max(2, Math.floor(word.length / LETTERS_PER_SLIP));
  let best: string | null = null;
  let bestSlips = slipsMax + 1;
  for (const candidate of known) {
    const slips = slipsBetween(word.toLowerCase(), candidate.toLowerCase());
    // A word shares at least one letter with what it was meant to be.
    if (slips < bestSlips && slips < Math.max(word.length, candidate.length)) {
      best = candidate;
      bestSlips = slips;
    }
  }
  return best;
}

/** Edits (insert, delete, replace, swap of neighbours) from a to b. */
function slipsBetween(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let slips = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + same);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) slips = Math.min(slips, (before[j - 2] ?? 0) + 1);
      next.push(slips);
    }
    before = row;
    row = next;
  }
  return row[b.length] ?? 0;
}
