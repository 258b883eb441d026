/** Backward rules of matrix products. */
import { at, sizeOf, type Value } from "./emitter.ts";
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

/** The gradient of operand i is the product of dy and all other operands, contracted onto i's own letters. */
function einsumBackward(context: RuleContext<"Einsum">): (Value | undefined)[] {
  const { emit, arity, x, dy, unsupported, wants } = context;
  const equation = context.attributes.equation.replaceAll(" ", "");
  const [left, right] = equation.split("->");
  if (left === undefined || right === undefined || equation.includes(".")) {
    return unsupported(`the equation "${equation}" (an ellipsis, or no "->")`);
  }
  const terms = left.split(",");
  return Array.from({ length: arity }, (_, i) => {
    if (!wants(i)) return undefined;
    const own = at(terms, i);
    const others = terms.filter((_, j) => j !== i);
    const reachable = right + others.join("");
    if ([...own].some((letter) => !reachable.includes(letter)) || new Set(own).size !== own.length) {
      return unsupported(`the equation "${equation}" (a letter of one operand alone, or repeated in it)`);
    }
    const operands = [dy(), ...others.map((_, j) => x(j < i ? j : j + 1))];
    const attributes = { equation: `${[right, ...others].join()}->${own}` };
    return emit.node("Einsum", operands, attributes, dy().dtype, x(i).shape);
  });
}
