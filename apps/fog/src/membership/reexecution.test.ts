import fc from "fast-check";
import { expect, test } from "vitest";
import { redoMsMax } from "./reexecution.ts";

test("no unit is done again for longer than ten minutes, and a short one has its own time and some to spare", () => {
  const arbDeadlineMs = fc.integer({ min: 1, max: 86_400_000 });
  fc.assert(
    fc.property(arbDeadlineMs, (deadlineMs) => {
      const limitMs = redoMsMax({ deadlineMs });
      expect(limitMs).toBeLessThanOrEqual(600_000);
      expect(limitMs).toBeGreaterThan(Math.min(deadlineMs, 599_999));
    }),
  );
});
