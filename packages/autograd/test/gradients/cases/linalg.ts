/** Gradient cases of: products of matrices. */
import type { LinalgAttributes } from "../../../src/graph/ops/linalg.ts";
import type { Case, GradientCases } from "../check.ts";
import type { Draw } from "../draw.ts";

function gemm(draw: Draw): Case<"Gemm"> {
  const [m, k, n] = [draw.int(1, 4), draw.int(1, 4), draw.int(1, 4)];
  const attributes = { alpha: 0.5, beta: 1.5, transA: draw.int(0, 1), transB: draw.int(0, 1) };
  const a = draw.signed(attributes.transA === 1 ? [k, m] : [m, k]);
  const b = draw.signed(attributes.transB === 1 ? [n, k] : [k, n]);
  return { inputs: [a, b, draw.signed(draw.pick([[n], [1, n], [m, 1], [m, n], []]))], attributes };
}

function matmul(draw: Draw): Case<"MatMul"> {
  const [m, k, n, p, q] = [draw.int(1, 4), draw.int(1, 4), draw.int(1, 4), draw.int(1, 3), draw.int(1, 3)];
  const [a, b] = draw.pick([
    [
      [m, k],
      [k, n],
    ],
    [
      [p, q, m, k],
      [k, n],
    ],
    [
      [p, q, m, k],
      [p, q, k, n],
    ],
    [
      [p, 1, m, k],
      [q, k, n],
    ],
    [
      [m, k],
      [p, k, n],
    ],
    [[k], [k, n]],
    [[m, k], [k]],
    [[k], [k]],
    [[p, m, k], [k]],
    [[k], [p, k, n]],
  ] as const);
  return { inputs: [draw.signed(a), draw.signed(b)], attributes: {} };
}

export const linalgCases: GradientCases<keyof LinalgAttributes> = {
  Gemm: gemm,
  MatMul: matmul,
  Einsum: (draw) => {
    const equation = draw.pick(["bij,bjk->bik", "bij,bkj->bik", "bij,jk->bki"]);
    const b = equation.startsWith("bij,jk") ? [4, 5] : equation.startsWith("bij,bkj") ? [2, 5, 4] : [2, 4, 5];
    return { inputs: [draw.signed([2, 3, 4]), draw.signed(b)], attributes: { equation } };
  },
};
