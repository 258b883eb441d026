import { createPrng, LIMITS } from "@pingo/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { deviationOf, isSameWork, JUDGED_STEPS_MAX, toleranceOf } from "./deviation.ts";

const arbUpdate = fc
  .float32Array({ minLength: 1, maxLength: 64, noNaN: true, noDefaultInfinity: true, min: -10, max: 10 })
  .filter((update) => update.some((value) => Math.abs(value) > 1e-6));

test("an update is at no distance from itself, and scaling it is at the distance of the scale", () => {
  fc.assert(
    fc.property(arbUpdate, fc.double({ min: 0.01, max: 2, noNaN: true }), (update, scale) => {
      expect(deviationOf(update, update)).toBe(0);
      const scaled = Float32Array.from(update, (value) => value * (1 + scale));
      expect(deviationOf(scaled, update)).toBeCloseTo(scale, 4);
    }),
  );
});

test("noise, nothing and the work of another are not the same work; rounding is", () => {
  const ours = Float32Array.from({ length: 1000 }, (_, i) => Math.sin(i));
  expect(
    isSameWork(
      deviationOf(
        ours.map((value) => value * (1 + 1e-5)),
        ours,
      ),
      50,
    ),
  ).toBe(true);
  expect(isSameWork(deviationOf(new Float32Array(1000), ours), 50)).toBe(false);
  expect(isSameWork(deviationOf(ours.toReversed(), ours), 240)).toBe(false);
  expect(isSameWork(deviationOf(ours, new Float32Array(1000)), 50)).toBe(false);
  expect(isSameWork(0.006, 8)).toBe(true);
  expect(isSameWork(0.075, 100)).toBe(false);
  expect(isSameWork(0.075, 200)).toBe(true);
  expect(isSameWork(Number.NaN, 10)).toBe(false);
});

test("no work and noise of any size are never the same work, however many steps are claimed", () => {
  const arbSteps = fc.integer({ min: 1, max: LIMITS.stepsPerRoundMax });
  fc.assert(
    fc.property(fc.nat(), arbSteps, fc.double({ min: 0, max: 4, noNaN: true }), (seed, steps, size) => {
      const prng = createPrng(seed);
      const draw = (): Float32Array => Float32Array.from({ length: 256 }, () => prng.float() * 2 - 1);
      const ours = draw();
      const noise = draw().map((value) => value * size);
      expect(isSameWork(deviationOf(new Float32Array(ours.length), ours), steps)).toBe(false);
      expect(isSameWork(deviationOf(noise, ours), steps)).toBe(false);
    }),
  );
});

test("the tolerance grows with the steps up to those that are judged, and no further", () => {
  expect(toleranceOf(JUDGED_STEPS_MAX / 2)).toBeLessThan(toleranceOf(JUDGED_STEPS_MAX));
  expect(toleranceOf(LIMITS.stepsPerRoundMax)).toBe(toleranceOf(JUDGED_STEPS_MAX));
  expect(isSameWork(0.3, LIMITS.stepsPerRoundMax)).toBe(false);
});
