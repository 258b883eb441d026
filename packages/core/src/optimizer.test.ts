import fc from "fast-check";
import { expect, test } from "vitest";
import { learningRateFactor, zOptimizer } from "./optimizer.ts";

const arbRun = fc.record({
  kind: fc.constantFrom("constant" as const, "cosine" as const, "linear" as const),
  warmupSteps: fc.nat({ max: 50 }),
  finalFactor: fc.float({ min: 0, max: 1, noNaN: true }),
  steps: fc.integer({ min: 60, max: 500 }),
});

test("the rate rises to its full height, never falls below its last share, and never rises again", () => {
  fc.assert(
    fc.property(arbRun, ({ steps, ...schedule }) => {
      const factors = Array.from({ length: steps }, (_, step) => learningRateFactor(schedule, step, steps));
      for (const [step, factor] of factors.entries()) {
        const before = factors[step - 1] ?? 0;
        if (step < schedule.warmupSteps) expect(factor).toBeGreaterThan(before);
        else expect(factor).toBeGreaterThanOrEqual(schedule.finalFactor - 1e-12);
        if (step > schedule.warmupSteps) expect(factor).toBeLessThanOrEqual(before + 1e-12);
      }
      expect(factors[schedule.warmupSteps]).toBeCloseTo(1, 12);
    }),
  );
});

test.for([
  ["constant", [0.5, 1, 1, 1, 1, 1]],
  ["linear", [0.5, 1, 1, 0.8, 0.6, 0.4]],
  ["cosine", [0.5, 1, 1, 0.882842712474619, 0.6, 0.317157287525381]],
] as const)("a %s schedule over six steps, two of them warm-up", ([kind, expected]) => {
  const schedule = { kind, warmupSteps: 2, finalFactor: 0.2 };
  const factors = expected.map((_, step) => learningRateFactor(schedule, step, 6));
  for (const [i, factor] of factors.entries()) expect(factor).toBeCloseTo(expected[i] ?? 0, 12);
});

test("a job names exactly one optimizer", () => {
  const sgd = { learningRate: 0.1, weightDecay: 0, momentum: 0, nesterov: false };
  const lion = { learningRate: 0.1, weightDecay: 0, beta1: 0.9, beta2: 0.99 };
  expect(zOptimizer.safeParse({ sgd }).success).toBe(true);
  expect(zOptimizer.safeParse({ sgd, lion }).success).toBe(false);
  expect(zOptimizer.safeParse({ clipNorm: 1 }).success).toBe(false);
});
