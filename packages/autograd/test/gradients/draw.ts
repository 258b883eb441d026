/** Random operands for gradient checks. */
import { createPrng, permutation } from "@pingo/core";
import type { Tensor } from "../../src/graph/tensor.ts";
import { bool, f32, i64 } from "../run-graph.ts";

export interface Draw {
  /** A whole number, from…to. */
  int(from: number, to: number): number;
  pick<T>(values: readonly T[]): T;
  /** Between −1.5 and 1.5, at least 0.2 away from 0, where many slopes jump. */
  signed(shape: readonly number[]): Tensor;
  /** Between 0.3 and 1.8. */
  positive(shape: readonly number[]): Tensor;
  /** All different, at least 0.1 apart: no two change places under a small step. */
  distinct(shape: readonly number[]): Tensor;
  indices(shape: readonly number[], below: number): Tensor;
  /** Rows that each point to a place of an array of this shape: [...rows, its rank]. */
  places(rows: readonly number[], within: readonly number[]): Tensor;
  flags(shape: readonly number[]): Tensor;
}

export function drawFrom(seed: number): Draw {
  const prng = createPrng(seed);
  const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
  const many = (shape: readonly number[], one: () => number) => Array.from({ length: size(shape) }, one);
  return {
    int: (from, to) => from + prng.int(to - from + 1),
    pick: (values) => {
      const value = values[prng.int(values.length)];
      if (value === undefined) throw new Error("nothing to pick from");
      return value;
    },
    signed: (shape) =>
      f32(
        shape,
        many(shape, () => (prng.int(2) === 0 ? -1 : 1) * (0.2 + 1.3 * prng.float())),
      ),
    positive: (shape) =>
      f32(
        shape,
        many(shape, () => 0.3 + 1.5 * prng.float()),
      ),
    distinct: (shape) =>
      f32(
        shape,
        Array.from(permutation(size(shape), prng), (i) => (i - size(shape) / 2) * 0.1),
      ),
    indices: (shape, below) =>
      i64(
        shape,
        many(shape, () => prng.int(below)),
      ),
    places: (rows, within) =>
      i64(
        [...rows, within.length],
        many(rows, () => 0).flatMap(() => within.map((dim) => prng.int(dim))),
      ),
    flags: (shape) =>
      bool(
        shape,
        many(shape, () => prng.int(2)),
      ),
  };
}
