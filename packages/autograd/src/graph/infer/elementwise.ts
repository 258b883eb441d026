/** Types of elementwise operators, with broadcasting. */

import type { ElementwiseAttributes } from "../ops/elementwise.ts";
import type { OpKind } from "../ops.ts";
import type { DType, TensorType } from "../tensor.ts";
import { BOOLS, FLOATS, type InferRule, NUMBERS, type Rules, type Site } from "./site.ts";

function unary(allowed?: readonly DType[]): (site: Site<OpKind>) => readonly TensorType[] {
  return (site) => [site.input(0, allowed)];
}

function arithmetic(allowed: readonly DType[]) {
  return (site: Site<OpKind>): readonly TensorType[] => {
    const types = site.inputs(allowed);
    return [{ dtype: site.sameDType(types), shape: site.broadcast(types) }];
  };
}

function comparison(allowed: readonly DType[]) {
  return (site: Site<OpKind>): readonly TensorType[] => {
    const types = site.inputs(allowed);
    site.sameDType(types);
    return [{ dtype: "bool", shape: site.broadcast(types) }];
  };
}

const WHOLES: readonly DType[] = NUMBERS.filter((dtype) => !FLOATS.includes(dtype));

const floats: InferRule<OpKind> = unary(FLOATS);
const numbers: InferRule<OpKind> = unary(NUMBERS);

export const elementwise: Rules<keyof ElementwiseAttributes> = {
  Abs: numbers,
  Acos: floats,
  Acosh: floats,
  Asin: floats,
  Asinh: floats,
  Atan: floats,
  Atanh: floats,
  Celu: floats,
  Cosh: floats,
  Mish: floats,
  Sinh: floats,
  Tan: floats,
  ThresholdedRelu: floats,
  Ceil: floats,
  Cos: floats,
  Elu: floats,
  Erf: numbers,
  Exp: floats,
  Floor: floats,
  Gelu: floats,
  HardSigmoid: floats,
  HardSwish: floats,
  Identity: unary(),
  IsInf: (site) => [{ dtype: "bool", shape: site.input(0, FLOATS).shape }],
  IsNaN: (site) => [{ dtype: "bool", shape: site.input(0, FLOATS).shape }],
  LeakyRelu: floats,
  Log: floats,
  Neg: numbers,
  Not: unary(BOOLS),
  Reciprocal: floats,
  Relu: numbers,
  Round: floats,
  Selu: floats,
  Shrink: floats,
  Sigmoid: floats,
  Sign: numbers,
  Sin: floats,
  Softplus: floats,
  Softsign: floats,
  Sqrt: floats,
  Tanh: floats,
  Cast: (site) => [{ dtype: site.attributes.to, shape: site.input(0).shape }],
  CastLike: (site) => [{ dtype: site.input(1).dtype, shape: site.input(0).shape }],
  Clip: (site) => {
    const x = site.input(0, NUMBERS);
    for (const bound of [1, 2]) {
      if (site.has(bound)) site.sameDType([x, site.rank(bound, 0)]);
    }
    return [x];
  },
  Dropout: (site) => {
    const x = site.input(0, FLOATS);
    if (site.has(1)) site.input(1, FLOATS);
    if (site.has(2)) site.input(2, BOOLS);
    return [x, { dtype: "bool", shape: x.shape }];
  },
  Add: arithmetic(NUMBERS),
  Sub: arithmetic(NUMBERS),
  Mul: arithmetic(NUMBERS),
  Div: arithmetic(NUMBERS),
  Mod: (site) => {
    const types = site.inputs(NUMBERS);
    const dtype = site.sameDType(types);
    if (FLOATS.includes(dtype) && site.attributes.fmod === 0)
      throw site.attribute("fmod must be 1 for floats");
    return [{ dtype, shape: site.broadcast(types) }];
  },
  Pow: (site) => {
    const types = site.inputs(NUMBERS);
    return [{ dtype: site.input(0).dtype, shape: site.broadcast(types) }];
  },
  PRelu: (site) => {
    const types = site.inputs(NUMBERS);
    const shape = site.broadcast(types);
    if (shape.length !== types[0]?.shape.length) throw site.shape("the slope has more axes than the input");
    return [{ dtype: site.sameDType(types), shape }];
  },
  And: arithmetic(BOOLS),
  Or: arithmetic(BOOLS),
  Xor: arithmetic(BOOLS),
  BitShift: arithmetic(["uint8"]),
  BitwiseAnd: arithmetic(WHOLES),
  BitwiseNot: unary(WHOLES),
  BitwiseOr: arithmetic(WHOLES),
  BitwiseXor: arithmetic(WHOLES),
  Equal: comparison([...NUMBERS, ...BOOLS]),
  Greater: comparison(NUMBERS),
  GreaterOrEqual: comparison(NUMBERS),
  Less: comparison(NUMBERS),
  LessOrEqual: comparison(NUMBERS),
  Max: arithmetic(NUMBERS),
  Mean: arithmetic(FLOATS),
  Min: arithmetic(NUMBERS),
  Sum: arithmetic(FLOATS),
  Where: (site) => {
    const condition = site.input(0, BOOLS);
    const branches = [site.input(1), site.input(2)];
    return [{ dtype: site.sameDType(branches), shape: site.broadcast([condition, ...branches]) }];
  },
};
