/** Gradient cases of: operators that work element by element, with broadcasting. */
import type { ElementwiseAttributes } from "../../../src/graph/ops/elementwise.ts";
import type { Tensor } from "../../../src/graph/tensor.ts";
import { stopsGradient } from "../../../src/rules/rule.ts";
import { f32, floatsOf, i64 } from "../../run-graph.ts";
import type { Case, GradientCases } from "../check.ts";
import type { Draw } from "../draw.ts";
import { scalar, shape, smaller } from "./parts.ts";

const unary = (draw: Draw) => ({ inputs: [draw.signed(shape(draw))], attributes: {} });

const scaled = (x: Tensor, by: number) =>
  f32(
    x.shape,
    floatsOf(x).map((value) => value * by),
  );

const shifted = (x: Tensor, by: number) =>
  f32(
    x.shape,
    floatsOf(x).map((value) => value + by),
  );

/** Between −0.75 and 0.75. */
const unaryInside = (draw: Draw) => ({ inputs: [scaled(draw.signed(shape(draw)), 0.5)], attributes: {} });

const unaryPositive = (draw: Draw) => ({ inputs: [draw.positive(shape(draw))], attributes: {} });

function binary(draw: Draw) {
  const full = shape(draw);
  const pair = [draw.signed(full), draw.signed(smaller(draw, full))];
  return { inputs: draw.int(0, 1) === 0 ? pair : pair.reverse(), attributes: {} };
}

function division(draw: Draw) {
  const full = shape(draw);
  return { inputs: [draw.signed(smaller(draw, full)), draw.positive(full)], attributes: {} };
}

/** Operands whose order no step changes. */
function rivals(draw: Draw) {
  const full = shape(draw);
  const dims = [full, smaller(draw, full), smaller(draw, full)].slice(0, draw.int(1, 3));
  const sizes = dims.map((one) => one.reduce((a, b) => a * b, 1));
  const values = floatsOf(draw.distinct([sizes.reduce((a, b) => a + b, 0)]));
  return { inputs: dims.map((one, i) => f32(one, values.splice(0, sizes[i] ?? 0))), attributes: {} };
}

/** Odd multiples of 0.025, positive and negative, large and small: none lies near a bend, which are at multiples of 0.05. */
const unaryAround = (draw: Draw) => ({
  inputs: [shifted(draw.distinct(shape(draw)), 0.025)],
  attributes: {},
});

/** A base of any sign to the power of whole numbers. */
function wholePower(draw: Draw): Case<"Pow"> {
  const full = shape(draw);
  const dims = smaller(draw, full);
  const exponents = Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => draw.int(-2, 4));
  const exponent = draw.int(0, 1) === 0 ? i64(dims, exponents) : f32(dims, exponents);
  return { inputs: [draw.signed(full), exponent], attributes: {}, fixed: [1] };
}

export const elementwiseCases: GradientCases<keyof ElementwiseAttributes> = {
  Abs: unary,
  Cos: unary,
  Elu: (draw) => ({ ...unary(draw), attributes: { alpha: 0.7 } }),
  Erf: unary,
  Exp: unary,
  Gelu: (draw) => ({ ...unary(draw), attributes: { approximate: draw.pick(["none", "tanh"]) } }),
  HardSigmoid: (draw) => ({ ...unaryAround(draw), attributes: { alpha: 0.2, beta: 0.5 } }),
  HardSwish: unaryAround,
  Identity: unary,
  LeakyRelu: (draw) => ({ ...unary(draw), attributes: { alpha: 0.1 } }),
  Log: unaryPositive,
  Neg: unary,
  Reciprocal: unaryPositive,
  Relu: unary,
  Selu: (draw) => ({ ...unary(draw), attributes: { alpha: 1.6733, gamma: 1.0507 } }),
  Sigmoid: unary,
  Sin: unary,
  Softplus: unary,
  Softsign: unary,
  Acos: unaryInside,
  Acosh: (draw) => ({ inputs: [shifted(draw.positive(shape(draw)), 1)], attributes: {} }),
  Asin: unaryInside,
  Asinh: unary,
  Atan: unary,
  Atanh: unaryInside,
  Celu: (draw) => ({ ...unary(draw), attributes: { alpha: 0.7 } }),
  Cosh: unary,
  Mish: unary,
  Sinh: unary,
  Tan: unaryInside,
  // Elements are multiples of 0.05, so none lies near the threshold.
  ThresholdedRelu: (draw) => ({ inputs: [draw.distinct(shape(draw))], attributes: { alpha: 0.225 } }),
  // At least 0.4 from the next jump.
  Mod: (draw) => {
    const full = shape(draw);
    const by = draw.pick([1.5, -1.5]);
    const values = floatsOf(draw.distinct(full)).map(
      (turn) => 1.5 * Math.round(10 * turn) + 0.7 * Math.sign(turn || 1),
    );
    const dims = smaller(draw, full);
    const divisors = Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => by);
    return { inputs: [f32(full, values), f32(dims, divisors)], attributes: { fmod: 1 } };
  },
  Sqrt: unaryPositive,
  Tanh: unary,
  Cast: (draw) => ({ ...unary(draw), attributes: { to: draw.pick(["float32", "float64"]) } }),
  Clip: (draw) => {
    const bound = (value: number) => (draw.int(0, 3) === 0 ? "" : scalar(value));
    return { inputs: [...unaryAround(draw).inputs, bound(-0.7), bound(0.6)], attributes: {} };
  },
  Dropout: (draw) => ({ inputs: [draw.signed(shape(draw)), scalar(0.4)], attributes: {}, fixed: [1] }),
  Add: binary,
  Sub: binary,
  Mul: binary,
  Div: division,
  Pow: (draw) => {
    const full = shape(draw);
    const base = draw.positive(full);
    if (draw.int(0, 2) === 0) return { inputs: [base, draw.signed(smaller(draw, full))], attributes: {} };
    if (draw.int(0, 1) === 0) return wholePower(draw);
    return { inputs: [base, scalar(draw.pick([0, 1, 2, 3, 0.5, -1]))], attributes: {}, fixed: [1] };
  },
  PRelu: (draw) => {
    const dims = shape(draw);
    return { inputs: [draw.signed(dims), draw.signed(smaller(draw, dims))], attributes: {} };
  },
  Max: rivals,
  Mean: (draw) => {
    const full = shape(draw);
    return {
      inputs: [draw.signed(full), draw.signed(smaller(draw, full)), draw.signed(full)],
      attributes: {},
    };
  },
  Min: rivals,
  Sum: (draw) => {
    const full = shape(draw);
    return { inputs: [draw.signed(full), draw.signed(smaller(draw, full))], attributes: {} };
  },
  Where: (draw) => {
    const full = shape(draw);
    return {
      inputs: [draw.flags(smaller(draw, full)), draw.signed(smaller(draw, full)), draw.signed(full)],
      attributes: {},
    };
  },
  Ceil: stopsGradient,
  Floor: stopsGradient,
  IsNaN: stopsGradient,
  Not: stopsGradient,
  Round: stopsGradient,
  Sign: stopsGradient,
  And: stopsGradient,
  Or: stopsGradient,
  Xor: stopsGradient,
  Equal: stopsGradient,
  Greater: stopsGradient,
  GreaterOrEqual: stopsGradient,
  Less: stopsGradient,
  LessOrEqual: stopsGradient,
  Shrink: (draw) => ({ inputs: [draw.distinct(shape(draw))], attributes: { bias: 0.3, lambd: 0.225 } }),
  CastLike: (draw) => ({ inputs: [draw.signed(shape(draw)), scalar(1)], attributes: {}, fixed: [1] }),
  IsInf: stopsGradient,
  BitShift: stopsGradient,
  BitwiseAnd: stopsGradient,
  BitwiseNot: stopsGradient,
  BitwiseOr: stopsGradient,
  BitwiseXor: stopsGradient,
};
