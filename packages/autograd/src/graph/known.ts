/**
 * Tensors known before the run, followed through the arithmetic of shapes.
 *
 * An exported model computes the target of a Reshape as Concat(Gather(Shape(x), 0), 64): its elements are known as
 * names and numbers although no data is. An element that is not known is undefined.
 */
import { addDims, divideExactly, floorDivide, type MaybeDim, mulDims, productOf, subDims } from "./dim.ts";
import type { AnyNode } from "./graph.ts";
import type { Site } from "./infer/site.ts";
import type { OpKind } from "./ops.ts";
import { isStatic, normalizeAxis, sizeOfShape, stridesOf } from "./shape.ts";
import { sliceOf } from "./slice.ts";
import type { DType, Tensor, TensorType } from "./tensor.ts";

export interface KnownTensor {
  readonly shape: readonly number[];
  /** Row-major; booleans as 0 and 1. */
  readonly elements: readonly MaybeDim[];
  /** Made of what training may change: true of the model as it was read, and not to be relied on after a step. */
  readonly isLearned: boolean;
}

/** Shapes and axes are short; following more costs time and finds nothing. */
const ELEMENTS_MAX = 1_024;

export function knownOfTensor(tensor: Tensor, isLearned: boolean): KnownTensor | undefined {
  if (tensor.data.length > ELEMENTS_MAX) return undefined;
  return { shape: tensor.shape, elements: Array.from(tensor.data, Number), isLearned };
}

/** What is known of a node's outputs, given their types; empty where nothing is. */
export function propagate(
  node: AnyNode,
  site: Site,
  types: readonly TensorType[],
): readonly (KnownTensor | undefined)[] {
  const shapes = types.map(({ shape }) =>
    isStatic(shape) && sizeOfShape(shape) <= ELEMENTS_MAX ? shape : undefined,
  );
  const [shape] = shapes;
  const [type] = types;
  if (shape === undefined || type === undefined) return [];
  if (node.op === "Split") return split(site, node.attributes.axis, shapes);
  const elements = elementsOf(node, site, shape, type.dtype);
  return elements === undefined ? [] : [{ shape, elements, isLearned: isLearned(site, shape, type.dtype) }];
}

function isLearned(site: Site, shape: readonly number[], dtype: DType): boolean {
  const { op, inputs } = site.node;
  if (op === "Shape" || op === "Size") return false;
  const known = inputs.map((_, i) => site.known(i));
  if (known.every((each) => each?.isLearned !== true)) return false;
  if (!CHOICES.has(op)) return true;
  // What is settled decides alone, or does not.
  const settled = known.map((each) => (each?.isLearned === true ? undefined : each));
  return elementwise(site, settled, shape, dtype)?.every((element) => element !== undefined) !== true;
}

function elementsOf(
  node: AnyNode,
  site: Site,
  shape: readonly number[],
  dtype: DType,
): readonly MaybeDim[] | undefined {
  switch (node.op) {
    case "Shape":
      return site
        .input(0)
        .shape.slice(node.attributes.start, node.attributes.end ?? site.input(0).shape.length);
    case "Size":
      return [productOf(site.input(0).shape)];
    case "ConstantOfShape":
      return new Array<number>(sizeOfShape(shape)).fill(Number(node.attributes.value.data[0]));
    case "Range":
      return range(site, shape);
    case "Identity":
    case "Reshape":
    case "Squeeze":
    case "Unsqueeze":
    case "Flatten":
      return site.known(0)?.elements;
    case "Cast":
      return site.known(0)?.elements.map((element) => cast(element, dtype));
    case "Concat":
      return concat(site, node.attributes.axis, shape);
    case "Gather":
      return gather(site, node.attributes.axis);
    case "Slice":
      return slice(site, shape);
    case "Transpose":
      return transpose(site, node.attributes.perm, shape);
    case "NonZero":
      return nonZero(site);
    case "Expand":
      return broadcast([site.known(0)], shape)?.map(([element]) => element);
    case "ReduceProd":
      return sizeOfShape(shape) === 1 ? [productOf(site.known(0)?.elements ?? [undefined])] : undefined;
    case "ReduceSum":
      return sizeOfShape(shape) === 1 ? [site.known(0)?.elements.reduce<MaybeDim>(addDims, 0)] : undefined;
    default:
      return elementwise(
        site,
        node.inputs.map((_, i) => site.known(i)),
        shape,
        dtype,
      );
  }
}

type Elementwise = (operands: readonly MaybeDim[], dtype: DType) => MaybeDim;

const ELEMENTWISE: { readonly [K in OpKind]?: Elementwise } = {
  Add: ([a, b]) => addDims(a, b) ?? numeric(a, b, (x, y) => x + y),
  Sub: ([a, b]) => subDims(a, b) ?? numeric(a, b, (x, y) => x - y),
  Mul: ([a, b]) => mulDims(a, b) ?? numeric(a, b, (x, y) => x * y),
  // Integers truncate; sizes are never negative, so a name divides like ⌊a / b⌋.
  Div: ([a, b], dtype) =>
    dtype.startsWith("float")
      ? (numeric(a, b, (x, y) => x / y) ?? divideExactly(a, b))
      : b === 0
        ? undefined
        : (numeric(a, b, (x, y) => Math.trunc(x / y)) ?? floorDivide(a, b)),
  Mod: ([a, b], dtype) =>
    dtype.startsWith("float") || b === 0 ? undefined : numeric(a, b, (x, y) => x - y * Math.floor(x / y)),
  Pow: ([a, b]) => numeric(a, b, (x, y) => x ** y),
  Min: (all) => (all.every((one) => typeof one === "number") ? Math.min(...all) : undefined),
  Max: (all) => (all.every((one) => typeof one === "number") ? Math.max(...all) : undefined),
  Neg: ([a]) => mulDims(a, -1),
  Abs: ([a]) => (typeof a === "number" ? Math.abs(a) : a),
  Sqrt: ([a]) => (typeof a === "number" ? Math.sqrt(a) : undefined),
  Floor: ([a]) => (typeof a === "number" ? Math.floor(a) : a),
  Ceil: ([a]) => (typeof a === "number" ? Math.ceil(a) : a),
  Not: ([a]) => (typeof a === "number" ? 1 - a : undefined),
  And: ([a, b]) => (a === 0 || b === 0 ? 0 : numeric(a, b, (x, y) => x & y)),
  Or: ([a, b]) => (a === 1 || b === 1 ? 1 : numeric(a, b, (x, y) => x | y)),
  Equal: ([a, b]) => equal(a, b),
  Greater: ([a, b]) => numeric(a, b, (x, y) => Number(x > y)),
  GreaterOrEqual: ([a, b]) => numeric(a, b, (x, y) => Number(x >= y)),
  Less: ([a, b]) => numeric(a, b, (x, y) => Number(x < y)),
  LessOrEqual: ([a, b]) => numeric(a, b, (x, y) => Number(x <= y)),
  Where: ([condition, a, b]) =>
    condition === undefined ? (a === b ? a : undefined) : condition !== 0 ? a : b,
};

function elementwise(
  { node }: Site,
  known: readonly (KnownTensor | undefined)[],
  shape: readonly number[],
  dtype: DType,
): readonly MaybeDim[] | undefined {
  const rule = ELEMENTWISE[node.op];
  if (rule === undefined) return undefined;
  // Few can be known where an operand is not: most of a train step's nodes are a scalar and a vector of these.
  if (!CHOICES.has(node.op) && known.some((each) => each === undefined)) return undefined;
  return broadcast(known, shape)?.map((each) => fitting(rule(each, dtype), dtype));
}

/** Known, it may be, by one operand alone. */
const CHOICES: ReadonlySet<OpKind> = new Set<OpKind>(["Where", "And", "Or"]);

function fitting(element: MaybeDim, dtype: DType): MaybeDim {
  if (typeof element !== "number") return element;
  if (dtype === "float32") return Math.fround(element);
  return dtype === "float64" || Number.isSafeInteger(element) ? element : undefined;
}

function numeric(a: MaybeDim, b: MaybeDim, by: (a: number, b: number) => number): MaybeDim {
  return typeof a === "number" && typeof b === "number" ? by(a, b) : undefined;
}

// A size that has a name is never -1, which is what exporters compare with.
function equal(a: MaybeDim, b: MaybeDim): MaybeDim {
  if (a === undefined || b === undefined) return undefined;
  if (a === b) return 1;
  const isNegative = (one: MaybeDim) => typeof one === "number" && one < 0;
  return (typeof a === "number" && typeof b === "number") || isNegative(a) || isNegative(b) ? 0 : undefined;
}

function cast(element: MaybeDim, to: DType): MaybeDim {
  if (to === "bool") return typeof element === "number" ? Number(element !== 0) : undefined;
  if (typeof element !== "number") return element;
  return to.startsWith("float") ? fitting(element, to) : fitting(Math.trunc(element), to);
}

/** For each element of the result, the elements of the operands that meet there. */
function broadcast(
  known: readonly (KnownTensor | undefined)[],
  shape: readonly number[],
): MaybeDim[][] | undefined {
  if (known.every((each) => each === undefined)) return undefined;
  const strides = known.map((each) => {
    if (each === undefined) return undefined;
    const padded = [...new Array<number>(shape.length - each.shape.length).fill(1), ...each.shape];
    return stridesOf(padded).map((stride, i) => (padded[i] === 1 ? 0 : stride));
  });
  const outer = stridesOf(shape);
  return Array.from({ length: sizeOfShape(shape) }, (_, flat) =>
    known.map((each, which) => {
      const at = outer.reduce(
        (sum, stride, axis) =>
          sum + (Math.floor(flat / stride) % (shape[axis] ?? 1)) * (strides[which]?.[axis] ?? 0),
        0,
      );
      return each?.elements[at];
    }),
  );
}

function range(site: Site, shape: readonly number[]): readonly MaybeDim[] | undefined {
  const start = site.known(0)?.elements[0];
  const delta = site.known(2)?.elements[0];
  if (typeof start !== "number" || typeof delta !== "number") return undefined;
  return Array.from({ length: shape[0] ?? 0 }, (_, i) => start + i * delta);
}

function concat(site: Site, axis: number, shape: readonly number[]): readonly MaybeDim[] | undefined {
  const parts = site.node.inputs.map((_, i) => site.known(i));
  const along = normalizeAxis(axis, shape.length);
  if (along === undefined || parts.every((part) => part === undefined)) return undefined;
  const inner = sizeOfShape(shape.slice(along + 1));
  const runs = parts.map((part, i) => {
    const run = Number(site.input(i).shape[along]) * inner;
    const from = (outer: number) => part?.elements.slice(outer * run, (outer + 1) * run);
    return (outer: number) => from(outer) ?? new Array<undefined>(run).fill(undefined);
  });
  const outers = sizeOfShape(shape.slice(0, along));
  return Array.from({ length: outers }, (_, outer) => runs.flatMap((run) => run(outer))).flat();
}

function gather(site: Site, axis: number): readonly MaybeDim[] | undefined {
  const values = site.known(0);
  const indices = site.knownInts(1);
  if (
    values === undefined ||
    indices === undefined ||
    values.shape.length !== 1 ||
    normalizeAxis(axis, 1) !== 0
  )
    return undefined;
  return indices.map((index) => values.elements.at(index));
}

/** The places along the first axis, then those along the second, … */
function nonZero(site: Site): readonly MaybeDim[] | undefined {
  const values = site.known(0);
  if (values === undefined || values.elements.some((element) => typeof element !== "number"))
    return undefined;
  const places = values.elements.flatMap((element, at) => (element === 0 ? [] : [at]));
  return stridesOf(values.shape).flatMap((stride, axis) =>
    places.map((at) => Math.floor(at / stride) % (values.shape[axis] ?? 1)),
  );
}

function slice(site: Site, shape: readonly number[]): readonly MaybeDim[] | undefined {
  const values = site.known(0);
  if (values === undefined) return undefined;
  const [starts, ends] = [site.known(1)?.elements ?? [], site.known(2)?.elements ?? []];
  const axes = site.has(3) ? site.knownInts(3) : starts.map((_, i) => i);
  const strides = stridesOf(values.shape);
  const steps = [...strides];
  let first = 0;
  for (const [i, given] of axes?.entries() ?? []) {
    const axis = normalizeAxis(given, values.shape.length);
    const step = site.has(4) ? site.known(4)?.elements[i] : 1;
    const taken = axis === undefined ? undefined : sliceOf(values.shape[axis] ?? 1, starts[i], ends[i], step);
    if (axis === undefined || taken?.start === undefined || typeof step !== "number") return undefined;
    first += taken.start * (strides[axis] ?? 0);
    steps[axis] = step * (strides[axis] ?? 0);
  }
  return axes && strided(values, { first, steps, shape });
}

function transpose(site: Site, perm: readonly number[], shape: readonly number[]) {
  const values = site.known(0);
  const strides = stridesOf(values?.shape ?? []);
  return values && strided(values, { first: 0, steps: perm.map((axis) => strides[axis] ?? 0), shape });
}

interface Walk {
  readonly first: number;
  /** By axis of the result: how far apart two neighbours lie. */
  readonly steps: readonly number[];
  readonly shape: readonly number[];
}

function strided({ elements }: KnownTensor, { first, steps, shape }: Walk): readonly MaybeDim[] {
  const outer = stridesOf(shape);
  return Array.from({ length: sizeOfShape(shape) }, (_, flat) => {
    const place = (stride: number, axis: number) => Math.floor(flat / stride) % (shape[axis] ?? 1);
    return elements[outer.reduce((at, stride, axis) => at + place(stride, axis) * (steps[axis] ?? 0), first)];
  });
}

function split(
  site: Site,
  axis: number,
  shapes: readonly (readonly number[] | undefined)[],
): (KnownTensor | undefined)[] {
  const values = site.known(0);
  if (values === undefined || values.shape.length !== 1 || normalizeAxis(axis, 1) !== 0) return [];
  let at = 0;
  return shapes.map((shape) => {
    if (shape === undefined) return undefined;
    const from = at;
    at += shape[0] ?? 0;
    return { ...values, shape, elements: values.elements.slice(from, at) };
  });
}
