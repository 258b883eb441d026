/**
 * Adds nodes to a graph under construction and works out their types, all sizes known.
 *
 * Backward rules, objectives and optimizers are written with it. Each method is one ONNX operator, except where
 * its docstring says otherwise; a step that would change nothing adds no node.
 */
import { assert } from "@pingo/core";
import type { AnyNode, GraphNode } from "../graph/graph.ts";
import type { ScatterReduction } from "../graph/ops/indexing.ts";
import type { Window } from "../graph/ops/spec.ts";
import type { OpAttributes, OpKind } from "../graph/ops.ts";
import type { DType, Tensor, TensorType } from "../graph/tensor.ts";
import { GradientError } from "./fault.ts";

/** 64 MB of float32: what a gradient needs beyond it would not fit beside the rest. */
const CONSTANT_ELEMENTS_MAX = 2 ** 24;

/** A value of the graph whose every size is known. */
export interface Value {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

export type UnaryKind =
  | "Abs"
  | "Cos"
  | "Erf"
  | "Exp"
  | "Floor"
  | "Identity"
  | "Log"
  | "Neg"
  | "Reciprocal"
  | "Sigmoid"
  | "Sign"
  | "Sin"
  | "Sqrt"
  | "Tanh";
export type BinaryKind = "Add" | "Sub" | "Mul" | "Div" | "Pow" | "Max" | "Min";
export type ComparisonKind = "Equal" | "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual";
export type ReduceKind = "ReduceMax" | "ReduceMean" | "ReduceSum";

export class Emitter {
  readonly nodes: AnyNode[] = [];
  readonly constants = new Map<string, Tensor>();
  /** Of everything made here. */
  readonly types = new Map<string, TensorType>();
  readonly #prefix: string;
  readonly #constantByKey = new Map<string, Value>();
  #made = 0;

  /** @param prefix keeps the names made here apart from all others of the graph */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  freshName(what: string): string {
    return `${this.#prefix}/${what}_${this.#made++}`;
  }

  /** Any operator with one output; an undefined input is an optional one left out. */
  node<K extends OpKind>(
    op: K,
    inputs: readonly (Value | undefined)[],
    attributes: OpAttributes[K],
    dtype: DType,
    shape: readonly number[],
  ): Value {
    const name = this.freshName(op);
    this.add({ op, name, inputs: inputs.map((i) => i?.name ?? ""), outputs: [name], attributes });
    return this.#declare({ name, dtype, shape });
  }

  /** A name for an output of a node that is added by `add`. */
  declare(what: string, dtype: DType, shape: readonly number[]): Value {
    return this.#declare({ name: this.freshName(what), dtype, shape });
  }

  /** Any operator with several outputs, each of the given type; an undefined one is left out. */
  nodeOf<K extends OpKind>(
    op: K,
    inputs: readonly (Value | undefined)[],
    attributes: OpAttributes[K],
    outputs: readonly (Omit<Value, "name"> | undefined)[],
  ): (Value | undefined)[] {
    const name = this.freshName(op);
    const made = outputs.map((type, i) => type && this.#declare({ ...type, name: `${name}.${i}` }));
    const names = made.map((value) => value?.name ?? "");
    this.add({ op, name, inputs: inputs.map((i) => i?.name ?? ""), outputs: names, attributes });
    return made;
  }

  add<K extends OpKind>(node: GraphNode<K>): void {
    // SAFETY: AnyNode is the union of GraphNode<K> over all K.
    this.nodes.push(node as unknown as AnyNode);
  }

  constant(tensor: Tensor): Value {
    const name = this.freshName("constant");
    this.constants.set(name, tensor);
    return this.#declare({ name, dtype: tensor.dtype, shape: tensor.shape });
  }

  /**
   * Before a constant is made whose size a model's sizes decide.
   *
   * @throws {GradientError} CONSTANT_TOO_LARGE
   */
  assertMakes(elements: number): void {
    if (elements > CONSTANT_ELEMENTS_MAX)
      throw new GradientError({ code: "CONSTANT_TOO_LARGE", elements, max: CONSTANT_ELEMENTS_MAX });
  }

  /** 0 … count − 1, int64[count]. */
  counting(count: number): Value {
    this.assertMakes(count);
    return this.integers(range(count));
  }

  /** A rank-0 constant, shared between its users. */
  scalar(value: number, dtype: "float32" | "float64" | "int64" = "float32"): Value {
    return this.#shared(`${dtype} ${value}`, () => {
      if (dtype === "int64") return { dtype, shape: [], data: BigInt64Array.of(BigInt(value)) };
      return dtype === "float32"
        ? { dtype, shape: [], data: Float32Array.of(value) }
        : { dtype, shape: [], data: Float64Array.of(value) };
    });
  }

  /** An int64 vector constant, shared between its users. */
  integers(values: readonly number[]): Value {
    return this.#shared(`[${values.join()}]`, () => ({
      dtype: "int64",
      shape: [values.length],
      data: BigInt64Array.from(values, BigInt),
    }));
  }

  /** f32[count], shared between its users, so that rules see its elements. */
  ones(count: number): Value {
    this.assertMakes(count);
    return this.#shared(`ones ${count}`, () => ({
      dtype: "float32",
      shape: [count],
      data: new Float32Array(count).fill(1),
    }));
  }

  zeros(dtype: DType, shape: readonly number[]): Value {
    const zero = this.cast(this.scalar(0), dtype);
    return this.expand(zero, shape);
  }

  unary(op: UnaryKind, x: Value): Value {
    return this.node(op, [x], {}, x.dtype, x.shape);
  }

  binary(op: BinaryKind, a: Value, b: Value): Value {
    assert(a.dtype === b.dtype, `${op} of ${a.dtype} and ${b.dtype}`);
    return this.node(op, [a, b], {}, a.dtype, broadcastShapes(a.shape, b.shape));
  }

  compare(op: ComparisonKind, a: Value, b: Value | number): Value {
    const other = typeof b === "number" ? this.like(a, b) : b;
    return this.node(op, [a, other], {}, "bool", broadcastShapes(a.shape, other.shape));
  }

  add2(a: Value, b: Value): Value {
    return this.binary("Add", a, b);
  }

  sub(a: Value, b: Value): Value {
    return this.binary("Sub", a, b);
  }

  mul(a: Value, b: Value): Value {
    return this.binary("Mul", a, b);
  }

  div(a: Value, b: Value): Value {
    return this.binary("Div", a, b);
  }

  neg(x: Value): Value {
    return this.unary("Neg", x);
  }

  square(x: Value): Value {
    return this.mul(x, x);
  }

  /** x · factor */
  scale(x: Value, factor: number): Value {
    return factor === 1 ? x : this.mul(x, this.like(x, factor));
  }

  /** x + term */
  shift(x: Value, term: number): Value {
    return term === 0 ? x : this.add2(x, this.like(x, term));
  }

  /** term − x */
  minusFrom(term: number, x: Value): Value {
    return this.sub(this.like(x, term), x);
  }

  /** 1 where `x op y`, else 0, in x's dtype (two nodes). */
  mask(op: ComparisonKind, x: Value, y: Value | number): Value {
    return this.cast(this.compare(op, x, y), x.dtype);
  }

  where(condition: Value, a: Value, b: Value): Value {
    const shape = broadcastShapes(condition.shape, broadcastShapes(a.shape, b.shape));
    return this.node("Where", [condition, a, b], {}, a.dtype, shape);
  }

  cast(x: Value, to: DType): Value {
    return x.dtype === to ? x : this.node("Cast", [x], { to }, to, x.shape);
  }

  reshape(x: Value, shape: readonly number[]): Value {
    if (equalShapes(x.shape, shape)) return x;
    assert(sizeOf(x.shape) === sizeOf(shape), `reshape of [${x.shape}] to [${shape}]`);
    return this.node("Reshape", [x, this.integers(shape)], { allowzero: 1 }, x.dtype, shape);
  }

  expand(x: Value, shape: readonly number[]): Value {
    if (equalShapes(x.shape, shape)) return x;
    assert(equalShapes(broadcastShapes(x.shape, shape), shape), `expand of [${x.shape}] to [${shape}]`);
    return this.node("Expand", [x, this.integers(shape)], {}, x.dtype, shape);
  }

  transpose(x: Value, perm: readonly number[]): Value {
    if (perm.every((axis, i) => axis === i)) return x;
    const shape = perm.map((axis) => at(x.shape, axis));
    return this.node("Transpose", [x], { perm }, x.dtype, shape);
  }

  /** The last two axes exchanged. */
  transposeLast(x: Value): Value {
    const rank = x.shape.length;
    const perm = x.shape.map((_, i) => (i < rank - 2 ? i : i === rank - 2 ? rank - 1 : rank - 2));
    return this.transpose(x, perm);
  }

  reduce(op: ReduceKind, x: Value, axes: readonly number[], keepdims: 0 | 1): Value {
    if (axes.length === 0) return x;
    const shape = x.shape.flatMap((dim, i) => (axes.includes(i) ? (keepdims === 1 ? [1] : []) : [dim]));
    const attributes = { keepdims, noop_with_empty_axes: 0 };
    return this.node(op, [x, this.integers(axes)], attributes, x.dtype, shape);
  }

  sum(x: Value, axes: readonly number[], keepdims: 0 | 1 = 0): Value {
    return this.reduce("ReduceSum", x, axes, keepdims);
  }

  mean(x: Value, axes: readonly number[], keepdims: 0 | 1 = 0): Value {
    return this.reduce("ReduceMean", x, axes, keepdims);
  }

  /** Sums x over the axes along which a value of `shape` was broadcast to x's shape: the adjoint of broadcasting. */
  sumTo(x: Value, shape: readonly number[]): Value {
    const lead = x.shape.length - shape.length;
    const axes = x.shape.flatMap((dim, i) => (i < lead || (shape[i - lead] === 1 && dim !== 1) ? [i] : []));
    return this.reshape(this.sum(x, axes), shape);
  }

  /** a [.., m, k] · b [.., k, n] with both ranks ≥ 2; leading axes broadcast. */
  matmul(a: Value, b: Value): Value {
    const lead = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2));
    return this.node("MatMul", [a, b], {}, a.dtype, [...lead, at(a.shape, -2), at(b.shape, -1)]);
  }

  /** alpha · a · b of two matrices, each transposed first where asked. */
  gemm(a: Value, b: Value, options: { transA?: boolean; transB?: boolean; alpha?: number } = {}): Value {
    const [rows, columns] = [at(a.shape, options.transA ? 1 : 0), at(b.shape, options.transB ? 0 : 1)];
    const transA = options.transA ? 1 : 0;
    const transB = options.transB ? 1 : 0;
    const attributes = { alpha: options.alpha ?? 1, beta: 1, transA, transB };
    return this.node("Gemm", [a, b], attributes, a.dtype, [rows, columns]);
  }

  concat(values: readonly Value[], axis: number): Value {
    const [first] = values;
    assert(first !== undefined, "concat of nothing");
    if (values.length === 1) return first;
    const size = values.reduce((total, value) => total + at(value.shape, axis), 0);
    return this.node("Concat", values, { axis }, first.dtype, first.shape.with(axis, size));
  }

  split(x: Value, axis: number, sizes: readonly number[]): Value[] {
    if (sizes.length === 1) return [x];
    const name = this.freshName("Split");
    const parts = sizes.map((size, i) =>
      this.#declare({ name: `${name}.${i}`, dtype: x.dtype, shape: x.shape.with(axis, size) }),
    );
    const inputs = [x.name, this.integers(sizes).name];
    this.add({ op: "Split", name, inputs, outputs: parts.map((part) => part.name), attributes: { axis } });
    return parts;
  }

  slice(x: Value, axis: number, start: number, count: number, step = 1): Value {
    if (start === 0 && count === x.shape[axis] && step === 1) return x;
    const end = start + (count - 1) * step + 1;
    const bounds = [[start], [end], [axis], [step]].map((v) => this.integers(v));
    return this.node("Slice", [x, ...bounds], {}, x.dtype, x.shape.with(axis, count));
  }

  /** The elements along the given axes in the opposite order. */
  reverse(x: Value, axes: readonly number[]): Value {
    const long = axes.filter((axis) => at(x.shape, axis) > 1);
    if (long.length === 0) return x;
    const [starts, ends] = [-1, -(2 ** 31)].map((bound) => this.integers(long.map(() => bound)));
    const steps = this.integers(long.map(() => -1));
    return this.node("Slice", [x, starts, ends, this.integers(long), steps], {}, x.dtype, x.shape);
  }

  /** Zeros around x; a negative width cuts. */
  pad(x: Value, begins: readonly number[], ends: readonly number[]): Value {
    if ([...begins, ...ends].every((width) => width === 0)) return x;
    const shape = x.shape.map((dim, i) => dim + at(begins, i) + at(ends, i));
    const pads = this.integers([...begins, ...ends]);
    return this.node("Pad", [x, pads], { mode: "constant" }, x.dtype, shape);
  }

  gather(x: Value, indices: Value, axis: number): Value {
    const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
    return this.node("Gather", [x, indices], { axis }, x.dtype, shape);
  }

  scatterElements(
    x: Value,
    indices: Value,
    updates: Value,
    axis: number,
    reduction: ScatterReduction,
  ): Value {
    return this.node("ScatterElements", [x, indices, updates], { axis, reduction }, x.dtype, x.shape);
  }

  scatterNd(x: Value, indices: Value, updates: Value, reduction: ScatterReduction): Value {
    return this.node("ScatterND", [x, indices, updates], { reduction }, x.dtype, x.shape);
  }

  conv(x: Value, w: Value, window: Window, group: number): Value {
    const spatial = window.kernel_shape.map((kernel, i) => {
      const extent = (kernel - 1) * at(window.dilations, i) + 1;
      const room = at(x.shape, i + 2) + at(window.pads, i) + at(window.pads, i + window.kernel_shape.length);
      return Math.floor((room - extent) / at(window.strides, i)) + 1;
    });
    return this.node("Conv", [x, w], { ...window, group }, x.dtype, [
      at(x.shape, 0),
      at(w.shape, 0),
      ...spatial,
    ]);
  }

  #declare(value: Value): Value {
    this.types.set(value.name, { dtype: value.dtype, shape: value.shape });
    return value;
  }

  /** A rank-0 constant of x's element type. */
  like(x: Value, value: number): Value {
    assert(x.dtype === "float32" || x.dtype === "float64" || x.dtype === "int64", `a constant of ${x.dtype}`);
    return this.scalar(value, x.dtype);
  }

  #shared(key: string, make: () => Tensor): Value {
    const known = this.#constantByKey.get(key);
    if (known !== undefined) return known;
    const made = this.constant(make());
    this.#constantByKey.set(key, made);
    return made;
  }
}

/** values[index], counted from the end when negative; asserted to be there. */
export function at<T>(values: readonly T[], index: number): T {
  const value = values.at(index);
  assert(value !== undefined, `no element ${index} among ${values.length}`);
  return value;
}

/** A value by name, with the type that inference found; every size must be known. */
export function typedValue(types: ReadonlyMap<string, TensorType>, name: string): Value {
  const type = types.get(name);
  assert(type !== undefined, `value "${name}" has no type`);
  const shape = type.shape.map((dim) => {
    assert(typeof dim === "number", `value "${name}" has the unknown size ${dim}`);
    return dim;
  });
  return { name, dtype: type.dtype, shape };
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

export function equalShapes(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dim, i) => dim === b[i]);
}

/** SOURCE: ONNX multidirectional broadcasting. */
export function broadcastShapes(a: readonly number[], b: readonly number[]): readonly number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const [p, q] = [a[i - rank + a.length] ?? 1, b[i - rank + b.length] ?? 1];
    assert(p === q || p === 1 || q === 1, `[${a}] and [${b}] do not broadcast`);
    return p === 1 ? q : p;
  });
}

/** A possibly negative axis, counted from the front. */
export function axisOf(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

/** 0 … count − 1, from `first`. */
export function range(count: number, first = 0): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}
