import type { ProgramSignature } from "@pingo/autograd";
import fc from "fast-check";
import { expect, test } from "vitest";
import { stepsOfCall } from "./steps-of-call.ts";

function signatureOf(elements: number): ProgramSignature {
  const parameters = [{ name: "w", shape: [elements], kind: "trained", slots: ["m", "v"] } as const];
  return { parameters, fields: [], target: "", batchSize: 1 };
}

const arbElements = fc.integer({ min: 1, max: 100_000_000 });
const arbMs = fc.double({ min: 0.01, max: 10_000, noNaN: true });

test("a small state is handed over after a fifth of a second, or as many steps as asked for", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1_000_000 }),
      fc.option(arbMs, { nil: undefined }),
      (elements, ms) => {
        const steps = stepsOfCall(signatureOf(elements), ms);
        expect(steps).toBeGreaterThanOrEqual(8);
        expect(steps).toBeLessThanOrEqual(32);
        // What is heard between two calls waits a fifth of a second at most, or for eight steps.
        if (steps > 8) expect(steps * (ms ?? Number.NaN)).toBeLessThanOrEqual(200);
        expect(stepsOfCall(signatureOf(elements), ms, 100)).toBe(100);
      },
    ),
  );
  const small = signatureOf(1_000);
  expect([undefined, 0.1, 10, 100].map((ms) => stepsOfCall(small, ms))).toEqual([8, 32, 20, 8]);
});

test("a longer step never makes a call longer, and a larger state never a shorter one of a known step", () => {
  fc.assert(
    fc.property(arbElements, arbElements, arbMs, arbMs, (a, b, first, second) => {
      const [short = 0, long = 0] = [first, second].sort((x, y) => x - y);
      const [small = 0, large = 0] = [a, b].map((n) => n + 2_000_000).sort((x, y) => x - y);
      expect(stepsOfCall(signatureOf(a), long)).toBeLessThanOrEqual(stepsOfCall(signatureOf(a), short));
      expect(stepsOfCall(signatureOf(large), short)).toBeGreaterThanOrEqual(
        stepsOfCall(signatureOf(small), short),
      );
    }),
  );
});

test("a UNet of 4.6 M weights goes step by step, also at first; an MLP of as many and 20 ms does not", () => {
  const signature = signatureOf(4_650_000);
  expect(stepsOfCall(signature, undefined)).toBe(1);
  expect(stepsOfCall(signature, 280)).toBe(1);
  expect(stepsOfCall(signature, 20)).toBe(10);
});
