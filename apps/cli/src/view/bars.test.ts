import fc from "fast-check";
import { expect, test } from "vitest";
import { progressBar, sparkline } from "./bars.ts";

test("a bar is as wide as it should be and fills from the left", () => {
  expect(progressBar(0, 4)).toBe("····");
  expect(progressBar(0.5, 4)).toBe("██··");
  expect(progressBar(0.28, 4)).toBe("█▏··");
  expect(progressBar(1, 4)).toBe("████");
  fc.assert(
    fc.property(fc.double(), fc.integer({ min: 1, max: 60 }), (share, columns) => {
      expect(progressBar(share, columns)).toHaveLength(columns);
    }),
  );
});

test("a sparkline spans its own range and shows the latest values", () => {
  expect(sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8)).toBe("▁▂▃▄▅▆▇█");
  expect(sparkline([9, 0, 7], 2)).toBe("▁█");
  expect(sparkline([2, 2], 5)).toBe("▄▄");
  expect(sparkline([], 5)).toBe("");
});
