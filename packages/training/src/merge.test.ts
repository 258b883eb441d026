import fc from "fast-check";
import { expect, test } from "vitest";
import { aggregate } from "./aggregate.ts";
import { outerSettingsOf, outerStep } from "./outer.ts";
import { SIGNATURE, SIGNATURE_LENGTH } from "./testing/shapes.ts";

const arbVector = fc
  .array(fc.double({ min: -1e3, max: 1e3, noNaN: true }), {
    minLength: SIGNATURE_LENGTH,
    maxLength: SIGNATURE_LENGTH,
  })
  .map((numbers) => Float32Array.from(numbers));
const arbUpdate = fc.record({ update: arbVector, rows: fc.integer({ min: 1, max: 10_000 }) });
const ones = new Float32Array(SIGNATURE_LENGTH).fill(1);
const zeros = new Float32Array(SIGNATURE_LENGTH);

test("the mean weighs updates by their rows", () => {
  const mean = aggregate(
    [
      { update: ones, rows: 1 },
      { update: zeros, rows: 3 },
    ],
    SIGNATURE,
  );
  expect([...mean]).toEqual(new Array(SIGNATURE_LENGTH).fill(0.25));
});

test("the mean lies between the updates, and equal updates are their own mean", () => {
  fc.assert(
    fc.property(fc.array(arbUpdate, { minLength: 1, maxLength: 8 }), (updates) => {
      const mean = aggregate(updates, SIGNATURE);
      for (let i = 0; i < SIGNATURE_LENGTH; i++) {
        const values = updates.map(({ update }) => update[i] ?? 0);
        expect(mean[i]).toBeGreaterThanOrEqual(Math.min(...values));
        expect(mean[i]).toBeLessThanOrEqual(Math.max(...values));
      }
    }),
  );
});

test("updates that cannot be merged are refused by index and parameter", () => {
  expect(() => aggregate([], SIGNATURE)).toThrow(expect.objectContaining({ code: "NO_UPDATES" }));
  const short = { update: new Float32Array(2), rows: 1 };
  expect(() => aggregate([{ update: ones, rows: 1 }, short], SIGNATURE)).toThrow(
    expect.objectContaining({ fault: { code: "UPDATE_LENGTH", update: 1, length: 2, expected: 7 } }),
  );
  for (const value of [Number.NaN, Number.NEGATIVE_INFINITY]) {
    const update = ones.slice();
    update[4] = value;
    expect(() => aggregate([{ update, rows: 1 }], SIGNATURE)).toThrow(
      expect.objectContaining({ fault: { code: "UPDATE_NOT_FINITE", update: 0, parameter: "mean" } }),
    );
  }
});

test("learning rate 1 without momentum is the plain average of the workers' weights", () => {
  fc.assert(
    fc.property(arbVector, arbVector, (weights, mean) => {
      const settings = { learningRate: 1, momentum: 0 };
      const next = outerStep({ weights, momentum: zeros, mean, signature: SIGNATURE, settings });
      for (const i of [0, 1, 2, 3, 5, 6]) {
        expect(next.weights[i]).toBeCloseTo(Math.fround((weights[i] ?? 0) - (mean[i] ?? 0)), 12);
      }
      expect(next.weights[4]).toBe(mean[4]);
    }),
  );
});

test("momentum follows Nesterov's rule, and statistics are the mean", () => {
  const settings = { learningRate: 0.7, momentum: 0.9 };
  const first = outerStep({ weights: zeros, momentum: zeros, mean: ones, signature: SIGNATURE, settings });
  // velocity 1; step 0.7 · (1 + 0.9 · 1)
  expect(first.weights[0]).toBeCloseTo(-1.33, 6);
  const second = outerStep({ ...first, mean: ones, signature: SIGNATURE, settings });
  // velocity 1.9; step 0.7 · (1 + 0.9 · 1.9)
  expect(second.weights[0]).toBeCloseTo(-1.33 - 0.7 * 2.71, 6);
  expect([second.weights[4], second.momentum[4]]).toEqual([1, 0]);
  expect([zeros[0], ones[0]]).toEqual([0, 1]);
});

test("the outer momentum is DiLoCo's while many rounds are left, reaches no further than the job, and ends with it", () => {
  const arbRound = fc.integer({ min: 1, max: 1_000 }).chain((rounds) => {
    return fc.record({ rounds: fc.constant(rounds), round: fc.integer({ min: 1, max: rounds }) });
  });
  fc.assert(
    fc.property(arbRound, ({ round, rounds }) => {
      const { momentum } = outerSettingsOf({ round, rounds });
      const reach = 1 / (1 - momentum);
      expect(reach).toBeLessThanOrEqual((rounds - round + 1) * (1 + Number.EPSILON * rounds));
      if (round + 9 <= rounds) expect(momentum).toBe(0.9);
      if (round === rounds) expect(momentum).toBe(0);
    }),
  );
});

test("a job of one round is the plain average", () => {
  const settings = outerSettingsOf({ round: 1, rounds: 1 });
  const { weights } = outerStep({
    weights: zeros,
    momentum: zeros,
    mean: ones,
    signature: SIGNATURE,
    settings,
  });
  expect(weights[0]).toBe(-1);
});
