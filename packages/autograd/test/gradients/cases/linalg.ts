/** Gradient cases of: products of matrices. */
import { parseEinsum, writeEinsum } from "../../../src/graph/einsum.ts";
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
    const sizes = new Map([..."bijkmn"].map((letter) => [letter, draw.int(1, 4)]));
    const shape = (letters: string) => [...letters].map((letter) => sizes.get(letter) ?? 1);
    const [equation, ...operands] = draw.pick([
      ["bij,bjk->bik", "bij", "bjk"],
      ["bij, bkj -> bik", "bij", "bkj"],
      ["bij,jk->bki", "bij", "jk"],
      ["bij,bjk", "bij", "bjk"], // an implicit result
      ["ij->ji", "ij"],
      ["ij->i", "ij"],
      ["ij->", "ij"],
      ["ii->i", "ii"],
      ["ii->", "ii"],
      ["iji->j", "iji"],
      ["ijk,j->i", "ijk", "j"], // k of one operand alone
      ["ij,jk,km->im", "ij", "jk", "km"],
      ["i,j,k,m->mkji", "i", "j", "k", "m"],
      ["ii,ij->j", "ii", "ij"],
      ["i,i->", "i", "i"],
      ["i,->i", "i", ""],
      ["...ij,...jk->...ik", "bmij", "mjk"],
      ["...ij,...jk", "bij", "jk"],
      ["i...->...i", "ibm"],
      ["...i,i->...", "bji", "i"],
      ["b...,...b->b...", "bij", "ijb"],
    ] as const);
    const ones = draw.int(0, 1) === 1 && equation.startsWith("...ij,") ? 1 : undefined; // an axis that is broadcast
    const inputs = operands.map((letters, i) =>
      draw.signed(ones !== undefined && i === 0 ? shape(letters).with(0, ones) : shape(letters)),
    );
    const spelled = parseEinsum(
      equation,
      inputs.map((input) => input.shape.length),
    );
    if ("why" in spelled) throw new Error(spelled.why);
    return { inputs, attributes: { equation: writeEinsum(spelled) } };
  },
};
