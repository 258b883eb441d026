import { createPrng } from "@pingo/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { drawTensor, type Initialization, kaimingUniform } from "./initialization.ts";

const SHAPE = [64, 32, 3, 3];
const FAN_IN = 32 * 9;
const FAN_OUT = 64 * 9;

function drawn(initialization: Initialization, shape: readonly number[] = SHAPE, seed = 1): number[] {
  return Array.from(drawTensor(shape, initialization, createPrng(seed)).data, Number);
}

function deviationOf(values: readonly number[]): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
}

const largest = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, Math.abs(b)), 0);

describe("the deviation is the formula's", () => {
  test.each<readonly [string, Initialization, number]>([
    ["deviation", { deviation: 0.02 }, 0.02],
    ["uniform", { uniform: 0.3 }, 0.3 / Math.sqrt(3)],
    ["kaiming normal", { kaiming: "normal" }, Math.sqrt(2 / FAN_IN)],
    ["kaiming uniform over the fan-out", { kaiming: "uniform", fan: "out" }, Math.sqrt(2 / FAN_OUT)],
    ["xavier uniform", { xavier: "uniform" }, Math.sqrt(2 / (FAN_IN + FAN_OUT))],
    [
      "xavier normal with a gain",
      { xavier: "normal", gain: 5 / 3 },
      (5 / 3) * Math.sqrt(2 / (FAN_IN + FAN_OUT)),
    ],
    // Of a Gaussian cut at two deviations: √(1 − 4φ(2) / (2Φ(2) − 1)) = 0.8796.
    ["truncated", { truncated: 0.02 }, 0.02 * 0.8796],
  ])("%s", (_, initialization, deviation) => {
    const values = drawn(initialization);
    expect(values).toHaveLength(64 * 32 * 9);
    expect(deviationOf(values) / deviation).toBeCloseTo(1, 1.5);
    expect(Math.abs(values.reduce((a, b) => a + b, 0) / values.length)).toBeLessThan(0.05 * deviation);
  });
});

describe("the bound is the formula's", () => {
  test.each<readonly [string, Initialization, number]>([
    ["PyTorch's default for layers", kaimingUniform(FAN_IN), 1 / Math.sqrt(FAN_IN)],
    ["kaiming uniform", { kaiming: "uniform" }, Math.sqrt(6 / FAN_IN)],
    ["xavier uniform", { xavier: "uniform" }, Math.sqrt(6 / (FAN_IN + FAN_OUT))],
    ["truncated", { truncated: 0.5 }, 1],
  ])("%s", (_, initialization, bound) => {
    const values = drawn(initialization);
    expect(largest(values)).toBeLessThanOrEqual(bound);
    expect(largest(values)).toBeGreaterThan(0.99 * bound);
  });
});

test("orthogonal rows, or columns where they are fewer, are at right angles and as long as the gain", () => {
  const sizes = fc.integer({ min: 1, max: 9 });
  fc.assert(
    fc.property(sizes, sizes, fc.nat(), (rows, columns, seed) => {
      const values = drawn({ orthogonal: 2 }, [rows, columns], seed);
      const at = (row: number, column: number) => values[row * columns + column] ?? Number.NaN;
      const [count, length] = rows <= columns ? [rows, columns] : [columns, rows];
      for (let i = 0; i < count; i++) {
        for (let j = 0; j <= i; j++) {
          let dot = 0;
          for (let k = 0; k < length; k++) dot += rows <= columns ? at(i, k) * at(j, k) : at(k, i) * at(k, j);
          expect(dot).toBeCloseTo(i === j ? 4 : 0, 5);
        }
      }
    }),
  );
});

test("fills and values are as given", () => {
  expect(drawn({ fill: 0.5 }, [3])).toEqual([0.5, 0.5, 0.5]);
  expect(drawn({ values: [1, 2, 3, 4] }, [2, 2])).toEqual([1, 2, 3, 4]);
});

test("one seed, one draw", () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      expect(drawn({ deviation: 1 }, [4], seed)).toEqual(drawn({ deviation: 1 }, [4], seed));
      expect(drawn({ deviation: 1 }, [4], seed)).not.toEqual(drawn({ deviation: 1 }, [4], seed + 1));
    }),
  );
});
