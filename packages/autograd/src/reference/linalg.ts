/** Matrix products. */
import { parseEinsum } from "../graph/einsum.ts";
import type { Evaluations, Step } from "./step.ts";
import {
  broadcastFrom,
  flatOf,
  indexOf,
  isReals,
  type Reals,
  type ReferenceValue,
  reals,
  sizeOf,
  take,
  type Wholes,
  wholes,
} from "./value.ts";

export const linalgEvaluations: Evaluations<"Gemm" | "MatMul" | "Einsum"> = {
  MatMul: (step) => {
    const [a, b] = [step.x(0), step.x(1)];
    const left = a.shape.length === 1 ? [1, ...a.shape] : a.shape;
    const right = b.shape.length === 1 ? [...b.shape, 1] : b.shape;
    const product = matrixProduct(step, { ...a, shape: left }, { ...b, shape: right });
    return [{ ...product, shape: step.shape() }];
  },
  Gemm: (step) => {
    const { alpha, beta, transA, transB } = step.attributes;
    const a = transA === 0 ? step.x(0) : transposed(step.x(0));
    const b = transB === 0 ? step.x(1) : transposed(step.x(1));
    const product = matrixProduct(step, a, b);
    const c = step.has(2) ? step.x(2) : undefined;
    const from = broadcastFrom(c?.shape ?? [], product.shape);
    const add = (flat: number): number => (c === undefined ? 0 : beta * Number(c.data[from(flat)]!));
    if (isReals(product)) {
      return [reals(product.dtype, product.shape, (i) => alpha * product.data[i]! + add(i))];
    }
    if (alpha !== 1 || beta !== 1) throw step.refuse("whole numbers are not scaled by real ones");
    const bias = (i: number): bigint => (c === undefined ? 0n : BigInt(c.data[from(i)]!));
    return [wholes(product.dtype, product.shape, (i) => product.data[i]! + bias(i))];
  },
  Einsum: einsum,
};

function transposed(x: ReferenceValue): ReferenceValue {
  const [rows, columns] = [x.shape[0]!, x.shape[1]!];
  return take(x, [columns, rows], (flat) => (flat % rows) * columns + Math.trunc(flat / rows));
}

/** [… , m, k] · [… , k, n] with the stacks broadcast. */
function matrixProduct(step: Step, a: ReferenceValue, b: ReferenceValue): ReferenceValue {
  const [m, k, n] = [a.shape.at(-2)!, a.shape.at(-1)!, b.shape.at(-1)!];
  const stack = stackOf(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const fromA = broadcastFrom(a.shape.slice(0, -2), stack);
  const fromB = broadcastFrom(b.shape.slice(0, -2), stack);
  const shape = [...stack, m, n];
  const starts = (flat: number): readonly [number, number] => {
    const at = Math.trunc(flat / (m * n));
    const row = Math.trunc(flat / n) % m;
    return [(fromA(at) * m + row) * k, fromB(at) * k * n + (flat % n)];
  };
  if (isReals(a) && isReals(b)) return reals(a.dtype, shape, (i) => dotReals(a, b, starts(i), k, n));
  if (isReals(a) || isReals(b)) throw step.refuse(`${a.dtype} meets ${b.dtype}`);
  return wholes(a.dtype, shape, (i) => dotWholes(a, b, starts(i), k, n));
}

function stackOf(a: readonly number[], b: readonly number[]): number[] {
  return Array.from({ length: Math.max(a.length, b.length) }, (_, i, rank = Math.max(a.length, b.length)) => {
    const [left = 1, right = 1] = [a[i - rank + a.length], b[i - rank + b.length]];
    return left === 1 ? right : left;
  });
}

/** Σₜ a[fromA + t] · b[fromB + t·stride] */
function dotReals(
  { data: a }: Reals,
  { data: b }: Reals,
  [fromA, fromB]: readonly [number, number],
  count: number,
  stride: number,
): number {
  let total = 0;
  for (let t = 0; t < count; t++) total += a[fromA + t]! * b[fromB + t * stride]!;
  return total;
}

function dotWholes(
  { data: a }: Wholes,
  { data: b }: Wholes,
  [fromA, fromB]: readonly [number, number],
  count: number,
  stride: number,
): bigint {
  let total = 0n;
  for (let t = 0; t < count; t++) total += a[fromA + t]! * b[fromB + t * stride]!;
  return total;
}

function einsum(step: Step<"Einsum">): readonly ReferenceValue[] {
  const inputs = step.all();
  const equation = parseEinsum(
    step.attributes.equation,
    inputs.map(({ shape }) => shape.length),
  );
  if ("why" in equation) throw step.refuse(equation.why);
  const { terms, result: output } = equation;
  const letters = [...new Set(terms.join(""))];
  const order = [...output, ...letters.filter((letter) => !output.includes(letter))];
  const sizes = order.map((letter) =>
    Math.max(
      ...terms.flatMap((term, i) => [...term].map((own, at) => (own === letter ? inputs[i]!.shape[at]! : 1))),
    ),
  );
  const shape = step.shape();
  const summed = sizeOf(sizes.slice(output.length));
  const places = terms.map((term) => [...term].map((letter) => order.indexOf(letter)));
  /** Places in the inputs of the terms that make up an element of the result. */
  const factors = (flat: number, at: number): number[] => {
    const index = indexOf(flat * summed + at, sizes);
    return places.map((axes, i) =>
      flatOf(
        axes.map((axis, at) => (inputs[i]!.shape[at] === 1 ? 0 : index[axis]!)),
        inputs[i]!.shape,
      ),
    );
  };
  const range = Array.from({ length: summed }, (_, at) => at);
  const first = step.x();
  if (isReals(first)) {
    const term = (at: readonly number[]) =>
      at.reduce((product, from, i) => product * step.reals(i).data[from]!, 1);
    return [reals(first.dtype, shape, (i) => range.reduce((sum, at) => sum + term(factors(i, at)), 0))];
  }
  const term = (at: readonly number[]) =>
    at.reduce((product, from, i) => product * step.wholes(i).data[from]!, 1n);
  return [wholes(first.dtype, shape, (i) => range.reduce((sum, at) => sum + term(factors(i, at)), 0n))];
}
