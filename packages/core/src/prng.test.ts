import fc from "fast-check";
import { expect, test } from "vitest";
import { createPrng, mixSeed, permutation } from "./prng.ts";

test("a seed always draws the same stream", () => {
  const draw = (seed: number): number[] => {
    const prng = createPrng(seed);
    return Array.from({ length: 4 }, () => prng.u32());
  };
  expect(draw(42)).toEqual(draw(42));
  expect(draw(42)).not.toEqual(draw(43));
  // Pinned: a change of the stream would change every replay and every audit.
  expect(draw(1)).toMatchInlineSnapshot(`
    [
      393288148,
      2174103013,
      3814759091,
      2092745082,
    ]
  `);
});

test("int stays below its bound and reaches both ends", () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 10 }), (seed, below) => {
      const prng = createPrng(seed);
      const drawn = new Set(Array.from({ length: 400 }, () => prng.int(below)));
      expect(Math.min(...drawn)).toBe(0);
      expect(Math.max(...drawn)).toBe(below - 1);
    }),
  );
});

test("float is uniform in [0, 1) within three sigma", () => {
  const prng = createPrng(7);
  const mean = Array.from({ length: 10_000 }, () => prng.float()).reduce((sum, x) => sum + x, 0) / 10_000;
  expect(Math.abs(mean - 0.5)).toBeLessThan(3 * Math.sqrt(1 / 12 / 10_000));
});

test("a permutation holds every index once", () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(200), (seed, length) => {
      const order = permutation(length, createPrng(seed));
      expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length }, (_, i) => i));
    }),
  );
});

test("mixSeed tells neighbours and orders apart", () => {
  const seeds = new Set<number>();
  for (let round = 0; round < 50; round++)
    for (let unit = 0; unit < 50; unit++) seeds.add(mixSeed(1, round, unit));
  expect(seeds.size).toBe(2_500);
});
