/**
 * Values of the reference evaluator: every real number is a float64, every whole number a 64-bit integer wrapped to
 * the width of its element type, so integer results are exact.
 */
import { stridesOf } from "../graph/shape.ts";
import type { DType, Tensor } from "../graph/tensor.ts";

export type RealDType = "float32" | "float64";
export type WholeDType = Exclude<DType, RealDType>;

/** A float32 value keeps its element type but is not rounded to it. */
export interface Reals {
  readonly dtype: RealDType;
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/** bool is 0 or 1. */
export interface Wholes {
  readonly dtype: WholeDType;
  readonly shape: readonly number[];
  readonly data: BigInt64Array;
}

export type ReferenceValue = Reals | Wholes;

export function isReals(value: ReferenceValue): value is Reals {
  return isReal(value.dtype);
}

export function isReal(dtype: DType): dtype is RealDType {
  return dtype === "float32" || dtype === "float64";
}

export function referenceOf({ dtype, shape, data }: Tensor): ReferenceValue {
  if (!isReal(dtype)) return { dtype, shape, data: BigInt64Array.from(data, BigInt) };
  const isNumbers = data instanceof Float32Array || data instanceof Float64Array;
  return { dtype, shape, data: isNumbers ? new Float64Array(data) : Float64Array.from(data, Number) };
}

/** Of `size` elements, each made from its place. */
export function reals(dtype: RealDType, shape: readonly number[], make: (flat: number) => number): Reals {
  const data = new Float64Array(sizeOf(shape));
  for (let flat = 0; flat < data.length; flat++) data[flat] = make(flat);
  return { dtype, shape, data };
}

export function wholes(dtype: WholeDType, shape: readonly number[], make: (flat: number) => bigint): Wholes {
  const data = new BigInt64Array(sizeOf(shape));
  for (let flat = 0; flat < data.length; flat++) data[flat] = wrap(dtype, make(flat));
  return { dtype, shape, data };
}

/** Overflow as two's complement has it. */
function wrap(dtype: WholeDType, value: bigint): bigint {
  switch (dtype) {
    case "int64":
      return BigInt.asIntN(64, value);
    case "int32":
      return BigInt.asIntN(32, value);
    case "int8":
      return BigInt.asIntN(8, value);
    case "uint8":
      return BigInt.asUintN(8, value);
    case "bool":
      return value === 0n ? 0n : 1n;
  }
}

/** Elements of x in a new arrangement; −1 stands for `fill`. */
export function take(
  x: ReferenceValue,
  shape: readonly number[],
  source: (flat: number) => number,
  fill: number | bigint = 0,
): ReferenceValue {
  if (isReals(x)) {
    return reals(x.dtype, shape, (flat) => {
      const from = source(flat);
      return from < 0 ? Number(fill) : x.data[from]!;
    });
  }
  return wholes(x.dtype, shape, (flat) => {
    const from = source(flat);
    return from < 0 ? BigInt(fill) : x.data[from]!;
  });
}

/** The same elements under another shape. */
export function reshaped(x: ReferenceValue, shape: readonly number[]): ReferenceValue {
  return { ...x, shape };
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((size, dim) => size * dim, 1);
}

/** The place along each axis of the element at `flat`. */
export function indexOf(flat: number, shape: readonly number[]): number[] {
  const index = new Array<number>(shape.length);
  let rest = flat;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index[axis] = rest % shape[axis]!;
    rest = Math.trunc(rest / shape[axis]!);
  }
  return index;
}

export function flatOf(index: readonly number[], shape: readonly number[]): number {
  let flat = 0;
  for (let axis = 0; axis < shape.length; axis++) flat = flat * shape[axis]! + index[axis]!;
  return flat;
}

/** For an element of the broadcast shape, which element of the operand meets there. */
export function broadcastFrom(shape: readonly number[], to: readonly number[]): (flat: number) => number {
  if (shape.length === to.length && shape.every((dim, i) => dim === to[i])) return (flat) => flat;
  if (sizeOf(shape) === 1) return () => 0;
  const padded = [...new Array<number>(to.length - shape.length).fill(1), ...shape];
  const strides = stridesOf(padded).map((stride, axis) => (padded[axis] === 1 ? 0 : stride));
  const outer = stridesOf(to);
  return (flat) => {
    let from = 0;
    for (let axis = 0; axis < to.length; axis++) {
      from += (Math.trunc(flat / outer[axis]!) % to[axis]!) * strides[axis]!;
    }
    return from;
  };
}

/** For each element of the shape without the axes, the places of the elements along them, in order. */
export function groupsAlong(shape: readonly number[], axes: readonly number[]): number[][] {
  const kept = shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim));
  const groupOf = broadcastFrom(kept, shape);
  const groups = Array.from({ length: sizeOf(kept) }, (): number[] => []);
  for (let flat = 0; flat < sizeOf(shape); flat++) groups[groupOf(flat)]!.push(flat);
  return groups;
}
