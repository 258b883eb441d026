import fc from "fast-check";
import { expect, test } from "vitest";
import { payOf } from "./price.ts";

const arbJob = fc.record({
  budgetNano: fc.bigInt({ min: 0n, max: 10n ** 18n }),
  unitsByRound: fc.array(fc.integer({ min: 1, max: 16 }), { minLength: 1, maxLength: 12 }),
  stepsPlanned: fc.integer({ min: 1, max: 200 }),
  done: fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
});

test("all units of a job together are never paid more than its budget, and whole work loses less than a nano a unit", () => {
  fc.assert(
    fc.property(arbJob, ({ budgetNano, unitsByRound, stepsPlanned, done }) => {
      const rounds = unitsByRound.length;
      let paidNano = 0n;
      let wholeNano = 0n;
      let count = 0n;
      for (const units of unitsByRound) {
        for (let unit = 0; unit < units; unit++) {
          const stepsDone = Math.floor((done.next().value ?? 0) * stepsPlanned);
          const planned = { budgetNano, rounds, units, stepsPlanned };
          const { totalNano, providerNano, feeNano } = payOf({ ...planned, stepsDone });
          expect(providerNano + feeNano).toBe(totalNano);
          expect(feeNano * 20n <= totalNano).toBe(true);
          paidNano += totalNano;
          wholeNano += payOf({ ...planned, stepsDone: stepsPlanned }).totalNano;
          count += 1n;
        }
      }
      expect(paidNano <= wholeNano).toBe(true);
      expect(wholeNano <= budgetNano).toBe(true);
      expect(budgetNano - wholeNano < count).toBe(true);
    }),
  );
});

test("more steps are never paid less", () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: 0n, max: 10n ** 18n }),
      fc.integer({ min: 1, max: 300 }),
      (budgetNano, steps) => {
        const at = (stepsDone: number): bigint =>
          payOf({ budgetNano, rounds: 3, units: 2, stepsPlanned: 300, stepsDone }).totalNano;
        expect(at(steps) >= at(steps - 1)).toBe(true);
      },
    ),
  );
});

test("a whole number comes out as it should: 6 PINGO over 3 rounds of 2 units is one each, less the fee", () => {
  const whole = { budgetNano: 6_000_000_000n, rounds: 3, units: 2, stepsPlanned: 50 };
  expect(payOf({ ...whole, stepsDone: 50 })).toEqual({
    totalNano: 1_000_000_000n,
    providerNano: 950_000_000n,
    feeNano: 50_000_000n,
  });
  expect(payOf({ ...whole, stepsDone: 25 }).totalNano).toBe(500_000_000n);
});
