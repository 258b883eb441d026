import fc from "fast-check";
import { expect, test } from "vitest";
import { nextAverage } from "./average.ts";
import { jobOf } from "./testing/shapes.ts";

const jobWith = (decay: number, stepsPerRound: number) => ({
  ...jobOf({ stepsPerRound }),
  average: { decay },
});

/** Σ Dʳ⁻ⁱ·weightsᵢ / Σ Dʳ⁻ⁱ in float64, from all versions at once. */
function meanOf(versions: readonly Float32Array[], perRound: number): number[] {
  const shares = versions.map((_, i) => perRound ** (versions.length - 1 - i));
  const total = shares.reduce((sum, share) => sum + share, 0);
  return Array.from(versions[0] ?? [], (_, at) => {
    const sum = versions.reduce((before, weights, i) => before + (shares[i] ?? 0) * (weights[at] ?? 0), 0);
    return sum / total;
  });
}

const arbVersions = fc.array(
  fc.array(fc.float({ min: -10, max: 10, noNaN: true }), { minLength: 4, maxLength: 4 }),
  { minLength: 1, maxLength: 12 },
);

test("round after round it is the mean of all versions, the later ones weighing more", () => {
  fc.assert(
    fc.property(
      arbVersions,
      fc.double({ min: 0.5, max: 0.9999, noNaN: true }),
      fc.integer({ min: 1, max: 200 }),
      (lists, decay, stepsPerRound) => {
        const versions = lists.map((list) => Float32Array.from(list));
        let mean: Float32Array | null = null;
        for (const [i, weights] of versions.entries())
          mean = nextAverage(jobWith(decay, stepsPerRound), { before: mean, weights, round: i + 1 });
        for (const [at, wanted] of meanOf(versions, decay ** stepsPerRound).entries())
          expect(Math.abs((mean?.[at] ?? Number.NaN) - wanted)).toBeLessThan(1e-5);
      },
    ),
  );
});

test("the start is no part of it: after the first round it is that round's weights", () => {
  const weights = Float32Array.of(1, 2, 3);
  const mean = nextAverage(jobWith(0.999, 50), { before: null, weights, round: 1 });
  expect(mean).toEqual(weights);
  expect(mean).not.toBe(weights);
});

test("a job that asks for none has none", () => {
  expect(nextAverage(jobOf(), { before: null, weights: Float32Array.of(1), round: 1 })).toBeNull();
});
