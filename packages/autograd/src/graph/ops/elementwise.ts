/** Operators that work element by element, with broadcasting. */
import type { DType } from "../tensor.ts";
import { arity, binary, bit, float, int, type None, type OpSpecs, unary, variadic, word } from "./spec.ts";

type CurveOp =
  | ("Acos" | "Acosh" | "Asin" | "Asinh" | "Atan" | "Atanh")
  | ("Cos" | "Cosh" | "Sin" | "Sinh" | "Tan" | "Tanh");

export interface ElementwiseAttributes extends Readonly<Record<CurveOp, None>> {
  Abs: None;
  Celu: { readonly alpha: number };
  Mish: None;
  ThresholdedRelu: { readonly alpha: number };
  Ceil: None;
  Elu: { readonly alpha: number };
  Erf: None;
  Exp: None;
  Floor: None;
  Gelu: { readonly approximate: "none" | "tanh" };
  HardSigmoid: { readonly alpha: number; readonly beta: number };
  HardSwish: None;
  Identity: None;
  IsInf: { readonly detect_negative: number; readonly detect_positive: number };
  IsNaN: None;
  LeakyRelu: { readonly alpha: number };
  Log: None;
  Neg: None;
  Not: None;
  Reciprocal: None;
  Relu: None;
  Round: None;
  Selu: { readonly alpha: number; readonly gamma: number };
  /** 0 up to ±lambd, beyond it x moved towards 0 by `bias`. */
  Shrink: { readonly bias: number; readonly lambd: number };
  Sigmoid: None;
  Sign: None;
  Softplus: None;
  Softsign: None;
  Sqrt: None;
  Cast: { readonly to: DType };
  /** x, one of the element type to cast to */
  CastLike: None;
  /** x, min?, max? (scalars). */
  Clip: None;
  /** x, ratio?, training_mode? → y, mask? */
  Dropout: { readonly seed?: number };
  Add: None;
  Sub: None;
  Mul: None;
  Div: None;
  Mod: { readonly fmod: number };
  Pow: None;
  PRelu: None;
  And: None;
  Or: None;
  Xor: None;
  BitShift: { readonly direction: "LEFT" | "RIGHT" };
  BitwiseAnd: None;
  BitwiseNot: None;
  BitwiseOr: None;
  BitwiseXor: None;
  Equal: None;
  Greater: None;
  GreaterOrEqual: None;
  Less: None;
  LessOrEqual: None;
  /** Variadic. */
  Max: None;
  Mean: None;
  Min: None;
  Sum: None;
  /** condition, x, y */
  Where: None;
}

export const elementwiseOps: OpSpecs<ElementwiseAttributes> = {
  Abs: unary,
  Acos: unary,
  Acosh: unary,
  Asin: unary,
  Asinh: unary,
  Atan: unary,
  Atanh: unary,
  Celu: arity(1, 1, { alpha: float(1) }),
  Cosh: unary,
  Mish: unary,
  Sinh: unary,
  Tan: unary,
  ThresholdedRelu: arity(1, 1, { alpha: float(1) }),
  Ceil: unary,
  Cos: unary,
  Elu: arity(1, 1, { alpha: float(1) }),
  Erf: unary,
  Exp: unary,
  Floor: unary,
  Gelu: arity(1, 1, { approximate: word("none", "tanh") }),
  HardSigmoid: arity(1, 1, { alpha: float(Math.fround(0.2)), beta: float(0.5) }),
  HardSwish: unary,
  Identity: unary,
  IsInf: arity(1, 1, { detect_negative: int(1), detect_positive: int(1) }),
  IsNaN: unary,
  LeakyRelu: arity(1, 1, { alpha: float(Math.fround(0.01)) }),
  Log: unary,
  Neg: unary,
  Not: unary,
  Reciprocal: unary,
  Relu: unary,
  Round: unary,
  // SOURCE: defaults of ONNX Selu-6, shortest digits that round to its float32 constants.
  Selu: arity(1, 1, {
    alpha: float(Math.fround(1.6732632)),
    gamma: float(Math.fround(1.050701)),
  }),
  Shrink: arity(1, 1, { bias: float(0), lambd: float(0.5) }),
  Sigmoid: unary,
  Sign: unary,
  Sin: unary,
  Softplus: unary,
  Softsign: unary,
  Sqrt: unary,
  Tanh: unary,
  Cast: arity(1, 1, { to: { kind: "dtype", presence: "required" } }),
  CastLike: binary,
  Clip: arity(1, 3, {}),
  Dropout: arity(1, 3, { seed: { kind: "int", presence: "optional" } }, 2),
  Add: binary,
  Sub: binary,
  Mul: binary,
  Div: binary,
  Mod: arity(2, 2, { fmod: bit(0) }),
  Pow: binary,
  PRelu: binary,
  And: binary,
  Or: binary,
  Xor: binary,
  BitShift: arity(2, 2, {
    direction: { kind: "string", presence: "required", values: ["LEFT", "RIGHT"] },
  }),
  BitwiseAnd: binary,
  BitwiseNot: unary,
  BitwiseOr: binary,
  BitwiseXor: binary,
  Equal: binary,
  Greater: binary,
  GreaterOrEqual: binary,
  Less: binary,
  LessOrEqual: binary,
  Max: variadic,
  Mean: variadic,
  Min: variadic,
  Sum: variadic,
  Where: arity(3, 3, {}),
};
