/** Sums, products and reductions; sizes of 1 spread, as in NumPy. */
import type { OpKind } from "../../graph/ops.ts";
import type { GraphBuilder, Value } from "../graph-builder.ts";
import type { LayerOptions } from "./options.ts";

/** A number stands for a constant. */
export type Operand = Value | number;

export function add(b: GraphBuilder, x: Value, y: Operand, options: LayerOptions = {}): Value {
  return pairwise(b, "Add", x, y, options);
}

export function sub(b: GraphBuilder, x: Value, y: Operand, options: LayerOptions = {}): Value {
  return pairwise(b, "Sub", x, y, options);
}

export function mul(b: GraphBuilder, x: Value, y: Operand, options: LayerOptions = {}): Value {
  return pairwise(b, "Mul", x, y, options);
}

export function div(b: GraphBuilder, x: Value, y: Operand, options: LayerOptions = {}): Value {
  return pairwise(b, "Div", x, y, options);
}

export function pow(b: GraphBuilder, x: Value, y: Operand, options: LayerOptions = {}): Value {
  return pairwise(b, "Pow", x, y, options);
}

/** The last two axes are matrices, those before them a batch. */
export function matmul(b: GraphBuilder, x: Value, y: Value, options: LayerOptions = {}): Value {
  return b.node("MatMul", b.layerName("matmul", options.name), [x, y], {});
}

/** Products of tensors as Einstein writes them: "bij,bjk->bik". */
export function einsum(
  b: GraphBuilder,
  equation: string,
  inputs: readonly Value[],
  options: LayerOptions = {},
): Value {
  return b.node("Einsum", b.layerName("einsum", options.name), inputs, { equation });
}

export interface ReduceOptions extends LayerOptions {
  /** Left out: all of them. */
  readonly axes?: readonly number[];
  /** Reduced axes stay, with the size 1. */
  readonly keep?: boolean;
}

export function sum(b: GraphBuilder, x: Value, options: ReduceOptions = {}): Value {
  return reduce(b, "ReduceSum", "sum", x, options);
}

export function mean(b: GraphBuilder, x: Value, options: ReduceOptions = {}): Value {
  return reduce(b, "ReduceMean", "mean", x, options);
}

/** The largest. */
export function max(b: GraphBuilder, x: Value, options: ReduceOptions = {}): Value {
  return reduce(b, "ReduceMax", "max", x, options);
}

/** x over its Euclidean length along an axis, the last unless given. */
export function normalize(
  b: GraphBuilder,
  x: Value,
  options: LayerOptions & { readonly axis?: number; readonly epsilon?: number } = {},
): Value {
  const layer = b.layerName("normalize", options.name);
  const axes = b.ints(`${layer}/axes`, [options.axis ?? -1]);
  const length = b.node("ReduceL2", `${layer}/length`, [x, axes], { keepdims: 1, noop_with_empty_axes: 0 });
  const least = b.scalar(`${layer}/least`, options.epsilon ?? 1e-12);
  return b.node("Div", layer, [x, b.node("Max", `${layer}/divisor`, [length, least], {})], {});
}

function pairwise(
  b: GraphBuilder,
  op: Extract<OpKind, "Add" | "Sub" | "Mul" | "Div" | "Pow">,
  x: Value,
  y: Operand,
  options: LayerOptions,
): Value {
  const layer = b.layerName(op.toLowerCase(), options.name);
  return b.node(op, layer, [x, typeof y === "number" ? b.scalar(`${layer}/by`, y) : y], {});
}

function reduce(
  b: GraphBuilder,
  op: "ReduceSum" | "ReduceMean" | "ReduceMax",
  kind: string,
  x: Value,
  { name, axes, keep = false }: ReduceOptions,
): Value {
  const layer = b.layerName(kind, name);
  const inputs = axes === undefined ? [x] : [x, b.ints(`${layer}/axes`, axes)];
  return b.node(op, layer, inputs, { keepdims: Number(keep), noop_with_empty_axes: 0 });
}
