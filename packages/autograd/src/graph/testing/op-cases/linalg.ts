/** Cases of: products of matrices. */
import type { LinalgAttributes } from "../../ops/linalg.ts";
import type { OpCases } from "./draw.ts";

export const linalgCases: OpCases<keyof LinalgAttributes> = {
  Gemm: (r) => {
    const [m, k, n] = [r.int(1, 4), r.int(1, 4), r.int(1, 4)];
    const [transA, transB] = [r.bit(), r.bit()];
    const inputs = [r.floats(transA === 1 ? [k, m] : [m, k]), r.floats(transB === 1 ? [n, k] : [k, n])];
    if (r.flag()) inputs.push(r.floats(r.part([m, n])));
    return { inputs, attributes: { alpha: 1, beta: 0.5, transA, transB } };
  },
  MatMul: (r) => {
    const [m, k, n] = [r.int(1, 4), r.int(1, 4), r.int(1, 4)];
    const stack = r.shape(0, 2);
    const a = r.pick([k], [m, k], [...stack, m, k]);
    return { inputs: [r.floats(a), r.floats(r.pick([k], [k, n], [...r.part(stack), k, n]))], attributes: {} };
  },
  Einsum: (r) => {
    const [b, i, j, k] = [r.int(1, 3), r.int(1, 3), r.int(1, 3), r.int(1, 3)];
    return r.pick(
      {
        inputs: [r.floats([b, i, j]), r.floats([b, j, k])],
        attributes: { equation: r.pick("bij,bjk->bik", "bij,bjk->k", "bij,bjk->kb") },
      },
      { inputs: [r.floats([i, i])], attributes: { equation: r.pick("ii->i", "ii->") } },
      {
        inputs: [r.floats([b, 1, i, j]), r.floats([k, j, i])],
        attributes: { equation: "abij,bji->abj" },
      },
      { inputs: [r.floats([i]), r.floats([j]), r.floats([k])], attributes: { equation: "i,j,k->kji" } },
    );
  },
};
