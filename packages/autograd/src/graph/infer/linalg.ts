/** Types of matrix products. */

import { parseEinsum } from "../einsum.ts";
import { showShape } from "../fault.ts";
import { broadcastShapes } from "../shape.ts";
import type { Dim } from "../tensor.ts";
import { NUMBERS, type Rules } from "./site.ts";

export const linalg: Rules<"Gemm" | "MatMul" | "Einsum"> = {
  Gemm: (site) => {
    const types = site.inputs(NUMBERS);
    const a = site.rank(0, 2).shape;
    const b = site.rank(1, 2).shape;
    const [rows, inner] = site.attributes.transA !== 0 ? [a[1], a[0]] : a;
    const [otherInner, columns] = site.attributes.transB !== 0 ? [b[1], b[0]] : b;
    site.unify(inner ?? 1, otherInner ?? 1, `the inner sizes of ${showShape(a)} and ${showShape(b)} differ`);
    const shape = [rows ?? 1, columns ?? 1];
    const bias = site.has(2) ? site.input(2).shape : [];
    const sum = broadcastShapes([shape, bias], site.fresh);
    if (
      sum === undefined ||
      sum.length !== 2 ||
      sum.some((dim, i) => typeof dim === "number" && typeof shape[i] === "number" && dim !== shape[i])
    ) {
      throw site.shape(`the bias ${showShape(bias)} does not broadcast to ${showShape(shape)}`);
    }
    return [{ dtype: site.sameDType(types), shape }];
  },
  MatMul: (site) => {
    const types = site.inputs(NUMBERS);
    const a = site.input(0).shape;
    const b = site.input(1).shape;
    if (a.length === 0 || b.length === 0) throw site.shape("a scalar cannot be multiplied as a matrix");
    const left = a.length === 1 ? [1, ...a] : a;
    const right = b.length === 1 ? [...b, 1] : b;
    const inner = left.at(-1) ?? 1;
    site.unify(inner, right.at(-2) ?? 1, `the inner sizes of ${showShape(a)} and ${showShape(b)} differ`);
    const stack = broadcastShapes([left.slice(0, -2), right.slice(0, -2)], site.fresh);
    if (stack === undefined)
      throw site.shape(`the stacks of ${showShape(a)} and ${showShape(b)} do not broadcast`);
    const rows = a.length === 1 ? [] : [left.at(-2) ?? 1];
    const columns = b.length === 1 ? [] : [right.at(-1) ?? 1];
    return [{ dtype: site.sameDType(types), shape: [...stack, ...rows, ...columns] }];
  },
  Einsum: (site) => {
    const types = site.inputs(NUMBERS);
    const equation = parseEinsum(
      site.attributes.equation,
      types.map(({ shape }) => shape.length),
    );
    if ("why" in equation) throw site.attribute(equation.why);
    const dims = new Map<string, Dim>();
    equation.terms.forEach((term, i) => {
      for (const [at, letter] of [...term].entries()) {
        const dim = types[i]?.shape[at] ?? 1;
        const before = dims.get(letter) ?? 1;
        // A size of 1 is broadcast, as under an ellipsis.
        if (before === 1) dims.set(letter, dim);
        else if (dim !== 1) dims.set(letter, site.unify(before, dim, `the sizes of "${letter}" differ`));
      }
    });
    const shape = [...equation.result].map((letter) => dims.get(letter) ?? 1);
    return [{ dtype: site.sameDType(types), shape }];
  },
};
