/** What the cases of operators are drawn from. */
import { createPrng, type Prng } from "@pingo/core";
import type { OpAttributes, OpKind } from "../../ops.ts";
import { sizeOfShape } from "../../shape.ts";
import type { DType, Tensor } from "../../tensor.ts";

export interface OpCase<K extends OpKind = OpKind> {
  /** undefined: left out. */
  readonly inputs: readonly (OpInput | undefined)[];
  readonly attributes: OpAttributes[K];
  readonly outputs?: number;
}

export interface OpInput {
  readonly tensor: Tensor;
  /** Known before the run, as exporters write axes and shapes. */
  readonly isConstant: boolean;
}

/** What a case draws from. */
export class Draw {
  readonly #prng: Prng;
  constructor(seed: number) {
    this.#prng = createPrng(seed);
  }
  int = (low: number, high: number): number => low + this.#prng.int(high - low + 1);
  flag = (): boolean => this.int(0, 1) === 1;
  bit = (): number => this.int(0, 1);
  pick = <T>(...values: readonly [T, ...T[]]): T => values[this.int(0, values.length - 1)] ?? values[0];
  list = (length: number, low: number, high: number): number[] =>
    Array.from({ length }, () => this.int(low, high));
  shape = (low = 1, high = 4): number[] => this.list(this.int(low, high), 1, 4);
  axis = (rank: number): number => this.int(-rank, rank - 1);
  /** A shape that broadcasts to the given one. */
  part = (shape: readonly number[]): number[] =>
    shape.slice(this.int(0, shape.length)).map((dim) => (this.flag() ? 1 : dim));
  floats = (shape: readonly number[]): OpInput =>
    input(
      shape,
      "float32",
      Array.from({ length: sizeOfShape(shape) }, () => 0.1 + 0.8 * this.#prng.float()),
    );
  bools = (shape: readonly number[]): OpInput => input(shape, "bool", this.list(sizeOfShape(shape), 0, 1));
  indices = (shape: readonly number[], below: number): OpInput =>
    input(shape, "int64", this.list(sizeOfShape(shape), 0, below - 1));
  bytes = (shape: readonly number[], most = 255): OpInput =>
    input(shape, "uint8", this.list(sizeOfShape(shape), 0, most));
  subset = (rank: number): number[] => Array.from({ length: rank }, (_, i) => i).filter(() => this.flag());
  permutation = (rank: number): number[] => {
    const rest = Array.from({ length: rank }, (_, i) => i);
    return Array.from({ length: rank }, () => rest.splice(this.int(0, rest.length - 1), 1)[0] ?? 0);
  };
}

export function input(
  shape: readonly number[],
  dtype: DType,
  values: readonly number[],
  isConstant = false,
): OpInput {
  const data = {
    float32: () => Float32Array.from(values),
    float64: () => Float64Array.from(values),
    int64: () => BigInt64Array.from(values, BigInt),
    int32: () => Int32Array.from(values),
    int8: () => Int8Array.from(values),
    uint8: () => Uint8Array.from(values),
    bool: () => Uint8Array.from(values),
  }[dtype]();
  return { tensor: { dtype, shape, data }, isConstant };
}

export const ints = (values: readonly number[]): OpInput => input([values.length], "int64", values, true);
export const scalar = (value: number, dtype: DType = "float32"): OpInput => input([], dtype, [value], true);

export const LEFT_OUT = undefined;

/** As ONNX has it by default. */
export const EPSILON = Math.fround(1e-5);

type Drawn<K extends OpKind> = (r: Draw) => OpCase<K>;
/** A case maker for each operator of a family. */
export type OpCases<K extends OpKind> = { readonly [P in K]: Drawn<P> };
