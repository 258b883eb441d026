/** Cases of: operators that work element by element, with broadcasting. */
import type { ElementwiseAttributes } from "../../ops/elementwise.ts";
import type { None } from "../../ops/spec.ts";
import type { DType } from "../../tensor.ts";
import { type Draw, input, LEFT_OUT, type OpCases, type OpInput, scalar } from "./draw.ts";

const unary = (r: Draw): { inputs: OpInput[]; attributes: None } => ({
  inputs: [r.floats(r.shape(0))],
  attributes: {},
});

function binary(r: Draw): { inputs: OpInput[]; attributes: None } {
  const shape = r.shape(0);
  const inputs = [r.floats(shape), r.floats(r.part(shape))];
  return { inputs: r.flag() ? inputs : inputs.reverse(), attributes: {} };
}

function logical(r: Draw): { inputs: OpInput[]; attributes: None } {
  const shape = r.shape(0);
  return { inputs: [r.bools(shape), r.bools(r.part(shape))], attributes: {} };
}

function bitwise(r: Draw): { inputs: OpInput[]; attributes: None } {
  const shape = r.shape(0);
  return { inputs: [r.indices(shape, 1000), r.indices(r.part(shape), 1000)], attributes: {} };
}

function variadic(r: Draw): { inputs: OpInput[]; attributes: None } {
  const shape = r.shape(0);
  return {
    inputs: [r.floats(r.part(shape)), r.floats(shape), r.floats(r.part(shape))].slice(0, r.int(1, 3)),
    attributes: {},
  };
}

export const elementwiseCases: OpCases<keyof ElementwiseAttributes> = {
  Abs: unary,
  Ceil: unary,
  Cos: unary,
  Erf: unary,
  Exp: unary,
  Floor: unary,
  HardSwish: unary,
  Identity: unary,
  IsNaN: unary,
  IsInf: (r) => {
    const values = r.list(6, -1, 1).map((sign) => sign / 0);
    return {
      inputs: [input([6], "float32", values)],
      attributes: { detect_negative: r.bit(), detect_positive: r.bit() },
    };
  },
  Shrink: (r) => ({ ...unary(r), attributes: { bias: 0.25, lambd: 0.5 } }),
  CastLike: (r) => ({
    inputs: [r.floats(r.shape(0)), r.flag() ? r.bools([1]) : r.indices([2], 3)],
    attributes: {},
  }),
  Log: unary,
  Neg: unary,
  Reciprocal: unary,
  Relu: unary,
  Round: unary,
  Sigmoid: unary,
  Sign: unary,
  Sin: unary,
  Softplus: unary,
  Softsign: unary,
  Acos: unary,
  Asin: unary,
  Asinh: unary,
  Atan: unary,
  Atanh: unary,
  Cosh: unary,
  Mish: unary,
  Sinh: unary,
  Tan: unary,
  Acosh: (r) => ({ inputs: [input([2, 3], "float32", r.list(6, 2, 5))], attributes: {} }),
  Celu: (r) => ({ ...unary(r), attributes: { alpha: 0.5 } }),
  ThresholdedRelu: (r) => ({ ...unary(r), attributes: { alpha: 0.5 } }),
  Sqrt: unary,
  Tanh: unary,
  Elu: (r) => ({ ...unary(r), attributes: { alpha: 1 } }),
  Gelu: (r) => ({ ...unary(r), attributes: { approximate: r.pick("none", "tanh") } }),
  HardSigmoid: (r) => ({ ...unary(r), attributes: { alpha: 0.5, beta: 0.5 } }),
  LeakyRelu: (r) => ({ ...unary(r), attributes: { alpha: 0.5 } }),
  Selu: (r) => ({ ...unary(r), attributes: { alpha: 1, gamma: 1 } }),
  Not: (r) => ({ inputs: [r.bools(r.shape(0))], attributes: {} }),
  Cast: (r) => ({
    ...unary(r),
    attributes: { to: r.pick<DType>("float32", "float64", "int64", "int32", "int8", "uint8", "bool") },
  }),
  Clip: (r) => ({
    inputs: [r.floats(r.shape(0)), r.flag() ? scalar(0.2) : LEFT_OUT, scalar(0.7)],
    attributes: {},
  }),
  Dropout: (r) => ({
    inputs: [r.floats(r.shape()), scalar(0.5), scalar(r.bit(), "bool")],
    attributes: {},
    outputs: r.int(1, 2),
  }),
  Add: binary,
  Sub: binary,
  Mul: binary,
  Div: binary,
  Pow: binary,
  Equal: binary,
  Greater: binary,
  GreaterOrEqual: binary,
  Less: binary,
  LessOrEqual: binary,
  Mod: (r) => ({ ...binary(r), attributes: { fmod: 1 } }),
  PRelu: (r) => {
    const shape = r.shape();
    return { inputs: [r.floats(shape), r.floats(r.part(shape))], attributes: {} };
  },
  BitShift: (r) => {
    const shape = r.shape(0);
    return {
      inputs: [r.bytes(shape), r.bytes(r.part(shape), 7)],
      attributes: { direction: r.pick("LEFT", "RIGHT") },
    };
  },
  BitwiseAnd: bitwise,
  BitwiseOr: bitwise,
  BitwiseXor: bitwise,
  BitwiseNot: (r) => ({ inputs: [r.indices(r.shape(0), 1000)], attributes: {} }),
  And: logical,
  Or: logical,
  Xor: logical,
  Max: variadic,
  Mean: variadic,
  Min: variadic,
  Sum: variadic,
  Where: (r) => {
    const shape = r.shape(0);
    return { inputs: [r.bools(r.part(shape)), r.floats(shape), r.floats(r.part(shape))], attributes: {} };
  },
};
