/** Backward rules of trigonometric and hyperbolic functions, and of rarer activations. */
import type { Emitter, Value } from "./emitter.ts";
import type { RuleFamily } from "./rule.ts";

type CurveOps =
  | ("Acos" | "Acosh" | "Asin" | "Asinh" | "Atan" | "Atanh" | "Cosh" | "Sinh" | "Tan")
  | ("Celu" | "Mish" | "ThresholdedRelu");

export const curveRules: RuleFamily<CurveOps> = {
  // y' = −1/√(1 − x²)
  Acos: ({ emit, x, dy }) => [
    emit.neg(emit.div(dy(), emit.unary("Sqrt", emit.minusFrom(1, emit.square(x()))))),
  ],
  // y' = 1/√(x² − 1)
  Acosh: ({ emit, x, dy }) => [emit.div(dy(), emit.unary("Sqrt", emit.shift(emit.square(x()), -1)))],
  // y' = 1/√(1 − x²)
  Asin: ({ emit, x, dy }) => [emit.div(dy(), emit.unary("Sqrt", emit.minusFrom(1, emit.square(x()))))],
  // y' = 1/√(x² + 1)
  Asinh: ({ emit, x, dy }) => [emit.div(dy(), emit.unary("Sqrt", emit.shift(emit.square(x()), 1)))],
  // y' = 1/(1 + x²)
  Atan: ({ emit, x, dy }) => [emit.div(dy(), emit.shift(emit.square(x()), 1))],
  // y' = 1/(1 − x²)
  Atanh: ({ emit, x, dy }) => [emit.div(dy(), emit.minusFrom(1, emit.square(x())))],
  Cosh: ({ emit, x, dy }) => [emit.mul(dy(), emit.node("Sinh", [x()], {}, x().dtype, x().shape))],
  Sinh: ({ emit, x, dy }) => [emit.mul(dy(), emit.node("Cosh", [x()], {}, x().dtype, x().shape))],
  // y' = 1 + y²
  Tan: ({ emit, y, dy }) => [emit.mul(dy(), emit.shift(emit.square(y()), 1))],
  // x > 0: y' = 1; else y = α(e^(x/α) − 1), so y' = e^(x/α) = y/α + 1.
  Celu: ({ emit, attributes: { alpha }, x, y, dy }) => [
    emit.where(isAbove(emit, x(), 0), dy(), emit.mul(dy(), emit.shift(emit.scale(y(), 1 / alpha), 1))),
  ],
  // y = x·t with t = tanh(softplus x): y' = t + x(1 − t²)·σ(x)
  Mish: ({ emit, x, dy }) => {
    const t = emit.unary("Tanh", emit.node("Softplus", [x()], {}, x().dtype, x().shape));
    const bend = emit.mul(emit.minusFrom(1, emit.square(t)), emit.unary("Sigmoid", x()));
    return [emit.mul(dy(), emit.add2(t, emit.mul(x(), bend)))];
  },
  ThresholdedRelu: ({ emit, attributes: { alpha }, x, dy }) => [
    emit.mul(dy(), emit.mask("Greater", x(), alpha)),
  ],
};

function isAbove(emit: Emitter, x: Value, bound: number): Value {
  return emit.compare("Greater", x, bound);
}
