import fc from "fast-check";
import { expect, test } from "vitest";
import { firstFit, layoutsToTry, type StepLayout } from "./fit-memory.ts";

const planned = (layout: StepLayout, totalBytes: number) => ({
  layout,
  memory: { stateBytes: 0, stepBytes: totalBytes, constantBytes: 0, totalBytes },
});
/** Falls with the passes; parts help less and less. */
const bytesOf = ({ microBatches, recompute }: StepLayout) =>
  1_000 + 60_000 / microBatches / Math.sqrt(recompute);

test("the layout found is the first that fits, whatever the limit, or the smallest of those looked at", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 96 }),
      fc.integer({ min: 1, max: 70_000 }),
      (batchSize, limitBytes) => {
        const layouts = layoutsToTry(batchSize, {}, false);
        const { layout } = firstFit(layouts, limitBytes, (each) => planned(each, bytesOf(each)));
        const first = layouts.find((each) => bytesOf(each) <= limitBytes);
        if (first !== undefined) expect(layout).toEqual(first);
        else expect(bytesOf(layout)).toBe(Math.min(...layouts.map(bytesOf)));
      },
    ),
  );
});

test("what was asked for stays, and batches of a batch norm are whole", () => {
  expect(new Set(layoutsToTry(12, { microBatches: 3 }, false).map((each) => each.microBatches))).toEqual(
    new Set([3]),
  );
  expect(new Set(layoutsToTry(12, { recompute: 5 }, false).map((each) => each.recompute))).toEqual(
    new Set([5]),
  );
  expect(new Set(layoutsToTry(12, {}, true).map((each) => each.microBatches))).toEqual(new Set([1]));
  expect(
    layoutsToTry(12, {}, false)
      .slice(0, 6)
      .map((each) => each.microBatches),
  ).toEqual([1, 2, 3, 4, 6, 12]);
});
