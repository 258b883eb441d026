/** Products of matrices. */
import { arity, binary, bit, float, MANY, type None, type OpSpecs } from "./spec.ts";

export interface LinalgAttributes {
  /** a, b, c? */
  Gemm: { readonly alpha: number; readonly beta: number; readonly transA: number; readonly transB: number };
  MatMul: None;
  /** The reader spells the equation out: no blanks, no ellipsis, always a result. */
  Einsum: { readonly equation: string };
}

export const linalgOps: OpSpecs<LinalgAttributes> = {
  Gemm: arity(2, 3, { alpha: float(1), beta: float(1), transA: bit(0), transB: bit(0) }),
  MatMul: binary,
  Einsum: arity(1, MANY, { equation: { kind: "string", presence: "required" } }),
};
