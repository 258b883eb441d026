/**
 * How a train step is laid out so that it stays under a limit of memory: the plans to try, the fastest first.
 *
 * Passes of fewer rows cost next to nothing, but batch norm sees only the rows of a pass; computing activations again
 * costs up to a third more time and changes no result.
 */
import type { MemoryPlan } from "./plan-memory.ts";

export interface StepLayout {
  readonly microBatches: number;
  readonly recompute: number;
}

/** More parts make what crosses between them as large as what they save. */
const PARTS = [2, 4, 8, 16, 32] as const;

/** What was asked for stays; the rest is chosen. */
export function layoutsToTry(
  batchSize: number,
  asked: Partial<StepLayout>,
  hasBatchNorm: boolean,
): readonly StepLayout[] {
  const divisors = Array.from({ length: batchSize }, (_, i) => i + 1).filter((n) => batchSize % n === 0);
  const passes = asked.microBatches === undefined ? (hasBatchNorm ? [1] : divisors) : [asked.microBatches];
  const parts = asked.recompute === undefined ? [1, ...PARTS] : [asked.recompute];
  return parts.flatMap((recompute) => passes.map((microBatches) => ({ microBatches, recompute })));
}

/**
 * The first that fits, or the smallest of all.
 *
 * Memory falls with the number of passes, so among layouts of the same parts the first that fits is searched by halves.
 */
export function firstFit<P extends { readonly memory: MemoryPlan }>(
  layouts: readonly StepLayout[],
  limitBytes: number,
  build: (layout: StepLayout) => P,
): P {
  const made = new Map<StepLayout, P>();
  const planned = (layout: StepLayout): P => {
    const known = made.get(layout) ?? build(layout);
    made.set(layout, known);
    return known;
  };
  const isFit = (layout: StepLayout) => planned(layout).memory.totalBytes <= limitBytes;
  for (const recompute of new Set(layouts.map((layout) => layout.recompute))) {
    const group = layouts.filter((layout) => layout.recompute === recompute);
    const last = group.at(-1);
    if (last === undefined || !isFit(last)) continue;
    let [from, to] = [0, group.length - 1];
    while (from < to) {
      const middle = (from + to) >> 1;
      const layout = group[middle];
      if (layout !== undefined && isFit(layout)) to = middle;
      else from = middle + 1;
    }
    const found = group[from];
    if (found !== undefined) return planned(found);
  }
  const all = [...made.values()].sort((a, b) => a.memory.totalBytes - b.memory.totalBytes);
  return all[0] ?? build({ microBatches: 1, recompute: 1 });
}
