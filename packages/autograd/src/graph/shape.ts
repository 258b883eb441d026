/** Shapes: broadcasting, axes, element counts. */
import { addDims, type MaybeDim } from "./dim.ts";
import type { Dim, Shape } from "./tensor.ts";

/** An axis counted from the front; undefined when out of range. `rank` may be one more for ops that insert an axis. */
export function normalizeAxis(axis: number, rank: number): number | undefined {
  const fromFront = axis < 0 ? axis + rank : axis;
  return Number.isInteger(axis) && fromFront >= 0 && fromFront < rank ? fromFront : undefined;
}

export function sizeOfShape(shape: readonly number[]): number {
  return shape.reduce((size, dim) => size * dim, 1);
}

/** Only numbers? */
export function isStatic(shape: Shape): shape is readonly number[] {
  return shape.every((dim) => typeof dim === "number");
}

/** Steps between neighbours along each axis, row-major. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let i = shape.length - 2; i >= 0; i--) strides[i] = (strides[i + 1] ?? 1) * (shape[i + 1] ?? 1);
  return strides;
}

/**
 * The shape that shapes broadcast to; undefined when they do not.
 *
 * Two different names may each turn out to be 1, so their broadcast is a size of its own, named by `fresh`.
 */
export function broadcastShapes(shapes: readonly Shape[], fresh: () => Dim): Shape | undefined {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  const result: Dim[] = [];
  for (let fromEnd = rank; fromEnd >= 1; fromEnd--) {
    let dim: Dim | undefined = 1;
    for (const shape of shapes) {
      const other = shape.length >= fromEnd ? shape[shape.length - fromEnd] : 1;
      if (other !== undefined) dim = broadcastDims(dim, other, fresh);
      if (dim === undefined) return undefined;
    }
    result.push(dim);
  }
  return result;
}

function broadcastDims(a: Dim, b: Dim, fresh: () => Dim): Dim | undefined {
  if (a === b || b === 1) return a;
  if (a === 1) return b;
  if (typeof a === "number") return typeof b === "number" ? undefined : a;
  return typeof b === "number" ? b : fresh();
}

/** One size for two that must be equal, the number where one is known; undefined when they cannot be. */
export function unifyDims(a: Dim, b: Dim): Dim | undefined {
  if (a === b) return a;
  if (typeof a === "number") return typeof b === "number" ? undefined : a;
  return typeof b === "number" ? b : a;
}

export function unifyShapes(a: Shape, b: Shape): Shape | undefined {
  if (a.length !== b.length) return undefined;
  const dims = a.map((dim, i) => unifyDims(dim, b[i] ?? dim));
  return dims.every((dim) => dim !== undefined) ? dims : undefined;
}

export function sumOf(dims: readonly MaybeDim[]): MaybeDim {
  return dims.reduce<MaybeDim>((sum, dim) => addDims(sum, dim), 0);
}
