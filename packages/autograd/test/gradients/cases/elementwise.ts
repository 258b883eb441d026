/** Gradient cases of: operators that work element by element, with broadcasting. */
import type { ElementwiseAttributes } from "../../../src/graph/ops/elementwise.ts";
import type { Tensor } from "../../../src/graph/tensor.ts";
import { stopsGradient } from "../../../src/rules/rule.ts";
import { f32, floatsOf } from "../../run-graph.ts";
import type { GradientCases } from "../check.ts";
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
  const [rows, columns] = [draw.int(1, 4), draw.int(1, 4)];
  const all = draw.distinct([3, rows, columns]);
  const size = rows * columns;
  const parts = [0, 1, 2].map((i) =>
    f32([rows, columns], Array.from(all.data, Number).slice(i * size, (i + 1) * size)),
  );
  return { inputs: parts, attributes: {} };
}

export const elementwiseCases: GradientCases<keyof ElementwiseAttributes> = {
  Abs: unary,
  Cos: unary,
  Elu: (draw) => ({ ...unary(draw), attributes: { alpha: 0.7 } }),
  Erf: unary,
  Exp: unary,
  Gelu: (draw) => ({ ...unary(draw), attributes: { approximate: draw.pick(["none", "tanh"]) } }),
  HardSigmoid: (draw) => ({ ...unary(draw), attributes: { alpha: 0.2, beta: 0.5 } }),
  HardSwish: unary,
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
  // 0.5 to 1.5 of a turn from the next jump.
  Mod: (draw) => {
    const turns = floatsOf(draw.distinct([4]));
    const values = turns.map((turn) => 1.5 * Math.round(10 * turn) + 0.7);
    return { inputs: [f32([4], values), f32([4], [1.5, 1.5, 1.5, 1.5])], attributes: { fmod: 1 } };
  },
  Sqrt: unaryPositive,
  Tanh: unary,
  Cast: (draw) => ({ ...unary(draw), attributes: { to: "float32" } }),
  Clip: (draw) => ({
    inputs: [f32([6], [-2, -1, -0.3, 0.3, 1, 2]), scalar(-0.7), draw.int(0, 1) === 0 ? "" : scalar(0.6)],
    attributes: {},
    fixed: [1, 2],
  }),
  Dropout: (draw) => ({ inputs: [draw.signed(shape(draw)), scalar(0.4)], attributes: {}, fixed: [1] }),
  Add: binary,
  Sub: binary,
  Mul: binary,
  Div: division,
  Pow: (draw) => {
    const full = shape(draw);
    const base = draw.positive(full);
    if (draw.int(0, 1) === 0) return { inputs: [base, draw.signed(smaller(draw, full))], attributes: {} };
    return { inputs: [base, scalar(draw.pick([2, 3, 0.5, -1]))], attributes: {}, fixed: [1] };
  },
  PRelu: (draw) => {
    const dims = shape(draw, 2, 3);
    return { inputs: [draw.signed(dims), draw.signed([dims.at(-1) ?? 1])], attributes: {} };
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
      inputs: [draw.flags(full), draw.signed(smaller(draw, full)), draw.signed(full)],
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
