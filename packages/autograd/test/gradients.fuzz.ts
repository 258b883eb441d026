/** The gradient of every operator against differences, over many more shapes; `npm run fuzz`. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { OpKind } from "../src/graph/ops.ts";
import { CASES } from "./gradients/cases.ts";
import { type Case, gradientErrors } from "./gradients/check.ts";
import { type Draw, drawFrom } from "./gradients/draw.ts";

const RUNS = 400;

test.for(Object.entries(CASES).filter(([, make]) => typeof make === "function"))("%s", async ([op, row]) => {
  // SAFETY: CASES holds cases of each operator under its name.
  const make = row as (draw: Draw) => Case<OpKind>;
  await fc.assert(
    fc.asyncProperty(fc.nat(), async (seed) => {
      const { difference, rounding, isKinked } = await gradientErrors(
        op as OpKind,
        make(drawFrom(seed)),
        seed,
      );
      fc.pre(!isKinked);
      expect(difference).toBeLessThan(1e-5);
      expect(rounding).toBeLessThan(1e-4);
    }),
    { numRuns: RUNS },
  );
});
