/** Backward rules of matrix products. */
import { assert } from "@pingo/core";
import { parseEinsum } from "../graph/einsum.ts";
import { at, type Emitter, range, sizeOf, type Value } from "./emitter.ts";
import type { RuleContext, RuleFamily } from "./rule.ts";

export const linalgRules: RuleFamily<"Gemm" | "MatMul" | "Einsum"> = {
  Gemm: (context) => gemmBackward(context),
  MatMul: (context) => matmulBackward(context),
  Einsum: (context) => einsumBackward(context),
};

/** y = α·A·B + β·c with A = op(a), B = op(b): dA = α·dy·Bᵀ, dB = α·Aᵀ·dy, transposed once more where op is. */
function gemmBackward({ emit, attributes, hasInput, x, dy }: RuleContext<"Gemm">): (Value | undefined)[] {
  const { alpha, beta } = attributes;
  const [transA, transB] = [attributes.transA === 1, attributes.transB === 1];
  const [a, b, g] = [x(0), x(1), dy()];
  const da = transA
    ? emit.gemm(b, g, { alpha, transA: transB, transB: true })
    : emit.gemm(g, b, { alpha, transB: !transB });
  const db = transB
    ? emit.gemm(g, a, { alpha, transA: true, transB: transA })
    : emit.gemm(a, g, { alpha, transA: !transA });
  return [da, db, hasInput(2) ? emit.scale(g, beta) : undefined];
}

/**
 * y = a·b: da = dy·bᵀ, db = aᵀ·dy.
 *
 * A matrix b makes all leading axes of a one: then db is one Gemm over all rows, instead of a product per
 * batch entry and a sum.
 */
function matmulBackward({ emit, x, dy }: RuleContext<"MatMul">): Value[] {
  const isRow = x(0).shape.length === 1;
  const isColumn = x(1).shape.length === 1;
  const a = isRow ? emit.reshape(x(0), [1, ...x(0).shape]) : x(0);
  const b = isColumn ? emit.reshape(x(1), [...x(1).shape, 1]) : x(1);
  const lead = dy().shape.slice(0, dy().shape.length - (isRow ? 0 : 1) - (isColumn ? 0 : 1));
  const g = emit.reshape(dy(), [...lead, at(a.shape, -2), at(b.shape, -1)]);
  if (b.shape.length === 2) {
    const inner = at(b.shape, 0);
    const rows = sizeOf(a.shape) / inner;
    const flat = emit.reshape(g, [rows, at(b.shape, 1)]);
    const da = emit.gemm(flat, b, { transB: true });
    const db = emit.gemm(emit.reshape(a, [rows, inner]), flat, { transA: true });
    return [emit.reshape(da, x(0).shape), emit.reshape(db, x(1).shape)];
  }
  const da = emit.matmul(g, emit.transposeLast(b));
  const db = emit.matmul(emit.transposeLast(a), g);
  return [isRow ? emit.reshape(emit.sumTo(da, a.shape), x(0).shape) : da, db];
}

/**
 * The gradient of operand i is the product of dy and all other operands, contracted onto i's own letters.
 *
 * A letter that only i has was summed over: the gradient is the same all along it. A letter that i repeats takes its
 * diagonal: the gradient is 0 off it.
 */
function einsumBackward(context: RuleContext<"Einsum">): (Value | undefined)[] {
  const { emit, arity, attributes, x, dy, wants } = context;
  const equation = parseEinsum(
    attributes.equation,
    range(arity).map((i) => x(i).shape.length),
  );
  assert(!("why" in equation), "inference has parsed the equation");
  const { terms, result } = equation;
  return range(arity).map((i) => {
    if (!wants(i)) return undefined;
    const own = at(terms, i);
    const others = range(arity).filter((j) => j !== i);
    const reachable = result + others.map((j) => at(terms, j)).join("");
    const letters = [...new Set(own)];
    const reached = letters.filter((letter) => reachable.includes(letter)).join("");
    const factors = [
      ...(result === "" ? [] : [{ value: dy(), letters: result }]),
      ...others.map((j) => ({ value: x(j), letters: at(terms, j) })),
    ].filter((factor) => factor.letters !== "");
    const scalars = others.filter((j) => at(terms, j) === "").map((j) => x(j));
    if (result === "") scalars.push(dy());
    const contracted = factors.length === 0 ? undefined : contract(emit, factors, reached);
    const product = scalars.reduce((a, b) => (a === undefined ? b : emit.mul(a, b)), contracted);
    assert(product !== undefined, "dy is a factor at least");
    return alongOwn(emit, product, { own, reached, shape: x(i).shape });
  });
}

interface Factor {
  readonly value: Value;
  readonly letters: string;
}

function contract(emit: Emitter, factors: readonly Factor[], to: string): Value {
  const sizeOfLetter = (letter: string) =>
    Math.max(...factors.map(({ value, letters }) => value.shape[letters.indexOf(letter)] ?? 1));
  const [first] = factors;
  if (factors.length === 1 && first?.letters === to) return first.value;
  const equation = `${factors.map(({ letters }) => letters).join()}->${to}`;
  const dtype = at(factors, 0).value.dtype;
  return emit.node(
    "Einsum",
    factors.map(({ value }) => value),
    { equation },
    dtype,
    [...to].map(sizeOfLetter),
  );
}

/** From the letters that were reached, each once, to the operand's own axes. */
function alongOwn(
  emit: Emitter,
  product: Value,
  { own, reached, shape }: { own: string; reached: string; shape: readonly number[] },
): Value {
  // The first axis of each reached letter keeps its size; the others are 1, and broadcast.
  const full = [...own].map((letter, axis) => {
    const isFirst = own.indexOf(letter) === axis && reached.includes(letter);
    return isFirst ? at(product.shape, reached.indexOf(letter)) : 1;
  });
  const placed = emit.reshape(product, full);
  const wide = full.map((dim, axis) => Math.max(dim, at(shape, axis)));
  const spread = emit.expand(placed, wide);
  if (new Set(own).size === own.length) return spread;
  emit.assertMakes(sizeOf(shape));
  const onDiagonal = Float32Array.from({ length: sizeOf(shape) }, (_, flat) => {
    let rest = flat;
    const index = shape.map(() => 0);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = rest % at(shape, axis);
      rest = Math.floor(rest / at(shape, axis));
    }
    return Number([...own].every((letter, axis) => index[axis] === index[own.indexOf(letter)]));
  });
  const mask = emit.constant({ dtype: "float32", shape, data: onDiagonal });
  return emit.mul(spread, emit.cast(mask, spread.dtype));
}
