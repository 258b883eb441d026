/** Shapes and operands that the gradient cases of several families share. */
import type { Tensor } from "../../../src/graph/tensor.ts";
import { f32, i64 } from "../../run-graph.ts";
import type { Draw } from "../draw.ts";

export const vector = (values: readonly number[]): Tensor => i64([values.length], values);

export const scalar = (value: number): Tensor => f32([], [value]);

export function shape(draw: Draw, rankMin = 1, rankMax = 4): number[] {
  return Array.from({ length: draw.int(rankMin, rankMax) }, () => draw.int(1, 4));
}

/** A shape that broadcasts to the given one. */
export function smaller(draw: Draw, full: readonly number[]): number[] {
  return full.slice(draw.int(0, full.length)).map((dim) => (draw.int(0, 2) === 0 ? 1 : dim));
}

export function window(draw: Draw, spatial: number, extra: { dilate?: boolean; padMax?: number } = {}) {
  const each = (one: () => number) => Array.from({ length: spatial }, one);
  return {
    kernel_shape: each(() => draw.int(1, 3)),
    strides: each(() => draw.int(1, 3)),
    dilations: each(() => (extra.dilate === false ? 1 : draw.int(1, 2))),
    pads: Array.from({ length: 2 * spatial }, () => draw.int(0, extra.padMax ?? 2)),
  };
}
