/** Backward rules of the operators that work element by element, with broadcasting. */

import type { OpKind } from "../graph/ops.ts";
import { type Emitter, sizeOf, type Value } from "./emitter.ts";
import { noInfluence, type RuleContext, type RuleFamily, stopsGradient } from "./rule.ts";

type UnaryOps =
  | (
      | "Abs"
      | "Ceil"
      | "Cos"
      | "Elu"
      | "Erf"
      | "Exp"
      | "Floor"
      | "Gelu"
      | "HardSigmoid"
      | "HardSwish"
      | "Identity"
    )
  | (
      | "IsInf"
      | "IsNaN"
      | "LeakyRelu"
      | "Log"
      | "Neg"
      | "Not"
      | "Reciprocal"
      | "Relu"
      | "Round"
      | "Selu"
      | "Shrink"
      | "Sigmoid"
      | "Sign"
    )
  | ("Sin" | "Softplus" | "Softsign" | "Sqrt" | "Tanh" | "Cast" | "CastLike" | "Clip" | "Dropout");
type BroadcastOps =
  | ("Add" | "Sub" | "Mul" | "Div" | "Mod" | "Pow" | "PRelu" | "And" | "Or" | "Xor" | "Equal" | "Greater")
  | ("BitShift" | "BitwiseAnd" | "BitwiseNot" | "BitwiseOr" | "BitwiseXor")
  | ("GreaterOrEqual" | "Less" | "LessOrEqual" | "Max" | "Mean" | "Min" | "Sum" | "Where");

/** √(2/π) and the cubic term of the tanh form of Gelu. SOURCE: Hendrycks & Gimpel, 2016. */
const GELU_SCALE = Math.sqrt(2 / Math.PI);
const GELU_CUBIC = 0.044715;

export const unaryRules: RuleFamily<UnaryOps> = {
  Abs: ({ emit, x, dy }) => [emit.mul(dy(), emit.unary("Sign", x()))],
  Ceil: stopsGradient,
  Cos: ({ emit, x, dy }) => [emit.neg(emit.mul(dy(), emit.unary("Sin", x())))],
  // x > 0: y' = 1; else y = α(eˣ − 1), so y' = αeˣ = y + α.
  Elu: ({ emit, attributes, x, y, dy }) => [
    emit.where(emit.compare("Greater", x(), 0), dy(), emit.mul(dy(), emit.shift(y(), attributes.alpha))),
  ],
  // y' = 2/√π · e^(−x²)
  Erf: ({ emit, x, dy }) => [
    emit.mul(dy(), emit.scale(emit.unary("Exp", emit.neg(emit.square(x()))), 2 / Math.sqrt(Math.PI))),
  ],
  Exp: ({ emit, y, dy }) => [emit.mul(dy(), y())],
  Floor: stopsGradient,
  Gelu: (context) => [context.emit.mul(context.dy(), geluSlope(context))],
  // y = clamp(αx + β, 0, 1)
  HardSigmoid: ({ emit, attributes, y, dy }) => {
    const inside = emit.mul(emit.mask("Greater", y(), 0), emit.mask("Less", y(), 1));
    return [emit.mul(dy(), emit.scale(inside, attributes.alpha))];
  },
  // y = x · clamp(x/6 + 1/2, 0, 1): slope 0 below −3, 1 above 3, (2x + 3)/6 between.
  HardSwish: ({ emit, x, dy }) => {
    const between = emit.scale(emit.shift(x(), 1.5), 1 / 3);
    const right = emit.where(emit.compare("Greater", x(), 3), emit.like(x(), 1), between);
    return [emit.mul(dy(), emit.mul(right, emit.mask("Greater", x(), -3)))];
  },
  Identity: ({ dy }) => [dy()],
  IsInf: stopsGradient,
  IsNaN: stopsGradient,
  // slope α + (1 − α)·[x > 0]
  LeakyRelu: ({ emit, attributes: { alpha }, x, dy }) => [
    emit.mul(dy(), emit.shift(emit.scale(emit.mask("Greater", x(), 0), 1 - alpha), alpha)),
  ],
  Log: ({ emit, x, dy }) => [emit.div(dy(), x())],
  Neg: ({ emit, dy }) => [emit.neg(dy())],
  Not: stopsGradient,
  Reciprocal: ({ emit, y, dy }) => [emit.neg(emit.mul(dy(), emit.square(y())))],
  Relu: ({ emit, y, dy }) => [emit.mul(dy(), positiveMask(emit, y()))],
  Round: stopsGradient,
  // x > 0: γ; else y = γα(eˣ − 1), so y' = y + γα.
  Selu: ({ emit, attributes: { alpha, gamma }, x, y, dy }) => [
    emit.mul(
      dy(),
      emit.where(emit.compare("Greater", x(), 0), emit.like(x(), gamma), emit.shift(y(), alpha * gamma)),
    ),
  ],
  Shrink: ({ emit, attributes: { lambd }, x, dy }) => [
    emit.mul(dy(), emit.mask("Greater", emit.unary("Abs", x()), lambd)),
  ],
  Sigmoid: ({ emit, y, dy }) => [emit.mul(dy(), emit.mul(y(), emit.minusFrom(1, y())))],
  Sign: stopsGradient,
  Sin: ({ emit, x, dy }) => [emit.mul(dy(), emit.unary("Cos", x()))],
  Softplus: ({ emit, x, dy }) => [emit.mul(dy(), emit.unary("Sigmoid", x()))], // (ln(1 + eˣ))' = σ(x)
  // y' = 1/(1 + |x|)²
  Softsign: ({ emit, x, dy }) => [emit.div(dy(), emit.square(emit.shift(emit.unary("Abs", x()), 1)))],
  Sqrt: ({ emit, y, dy }) => [emit.div(emit.scale(dy(), 0.5), y())],
  Tanh: ({ emit, y, dy }) => [emit.mul(dy(), emit.minusFrom(1, emit.square(y())))],
  Cast: ({ emit, x, dy }) => [emit.cast(dy(), x().dtype)], // reached between real dtypes only
  // Of its second input only the type counts.
  CastLike: ({ emit, x, dy }) => [emit.cast(dy(), x().dtype), noInfluence],
  // 1 on the closed interval, as PyTorch has it; what lies beyond a bound moves with the bound.
  Clip: ({ emit, hasInput, wants, x, dy }) => {
    let slope = dy();
    if (hasInput(1)) slope = emit.mul(slope, emit.mask("GreaterOrEqual", x(), x(1)));
    if (hasInput(2)) slope = emit.mul(slope, emit.mask("LessOrEqual", x(), x(2)));
    const beyond = (bound: number, side: "Less" | "Greater") =>
      hasInput(bound) && wants(bound) ? emit.mul(dy(), emit.mask(side, x(), x(bound))) : undefined;
    return [slope, beyond(1, "Less"), beyond(2, "Greater")];
  },
  // Kept elements were multiplied by 1/(1 − ratio). Programs replace Dropout before this is reached in training mode.
  Dropout: ({ emit, constant, hasInput, y, dy, unsupported }) => {
    const training = constant(2)?.[0] ?? 0;
    if (training === 0) return [dy()];
    const ratio = hasInput(1) ? constant(1)?.[0] : 0.5;
    if (ratio === undefined) return unsupported("its ratio is not a constant");
    return [emit.mul(dy(), emit.scale(emit.cast(y(1), dy().dtype), 1 / (1 - ratio)))];
  },
};

export const broadcastRules: RuleFamily<BroadcastOps> = {
  Add: ({ dy }) => [dy(), dy()],
  Sub: ({ emit, dy }) => [dy(), emit.neg(dy())],
  Mul: ({ emit, x, dy }) => [emit.mul(dy(), x(1)), emit.mul(dy(), x(0))],
  // ∂(a/b)/∂b = −a/b² = −y/b
  Div: ({ emit, x, y, dy }) => {
    const da = emit.div(dy(), x(1));
    return [da, emit.neg(emit.mul(da, y()))];
  },
  // a − b·⌊a/b⌋, or with fmod a − b·trunc(a/b): the step in it stands still almost everywhere.
  Mod: ({ emit, x, y, dy }) => {
    const turns = emit.unary("Sign", emit.div(x(0), x(1)));
    const whole = emit.unary(
      "Floor",
      emit.shift(emit.unary("Abs", emit.div(emit.sub(x(0), y()), x(1))), 0.5),
    );
    return [dy(), emit.neg(emit.mul(dy(), emit.mul(turns, whole)))];
  },
  Pow: (context) => [powBase(context), context.wants(1) ? powExponent(context) : undefined],
  // x > 0: dx = dy; else y = slope·x.
  PRelu: ({ emit, x, dy }) => [
    emit.where(emit.compare("Greater", x(), 0), dy(), emit.mul(dy(), x(1))),
    emit.mul(dy(), emit.binary("Min", x(), emit.like(x(), 0))),
  ],
  And: stopsGradient,
  Or: stopsGradient,
  Xor: stopsGradient,
  BitShift: stopsGradient,
  BitwiseAnd: stopsGradient,
  BitwiseNot: stopsGradient,
  BitwiseOr: stopsGradient,
  BitwiseXor: stopsGradient,
  Equal: stopsGradient,
  Greater: stopsGradient,
  GreaterOrEqual: stopsGradient,
  Less: stopsGradient,
  LessOrEqual: stopsGradient,
  Max: extremum,
  Mean: ({ emit, arity, dy }) => Array.from({ length: arity }, () => emit.scale(dy(), 1 / arity)),
  Min: extremum,
  Sum: ({ arity, dy }) => Array.from({ length: arity }, () => dy()),
  // Where rather than a product with the mask: the branch not taken may hold an infinity.
  Where: ({ emit, x, dy }) => [
    undefined,
    emit.where(x(0), dy(), emit.like(dy(), 0)),
    emit.where(x(0), emit.like(dy(), 0), dy()),
  ],
};

/** So steep that HardSigmoid(y) = clamp(STEEP·y, 0, 1) is 1 for every positive float32 but the subnormal. */
const STEEP = 3e38;

/**
 * 1 where y > 0, else 0, for y ≥ 0: one pass, a third of the time of a comparison and a cast. And a mask is a product:
 * 1.6 times as fast as Where over 1.6 M floats.
 */
function positiveMask(emit: Emitter, y: Value): Value {
  if (y.dtype !== "float32") return emit.mask("Greater", y, 0);
  return emit.node("HardSigmoid", [y], { alpha: Math.fround(STEEP), beta: 0 }, y.dtype, y.shape);
}

function geluSlope({ emit, attributes, x }: RuleContext<"Gelu">): Value {
  if (attributes.approximate === "none") {
    // y = xΦ(x), so y' = Φ(x) + xφ(x), with Φ(x) = (1 + erf(x/√2))/2 and φ(x) = e^(−x²/2)/√(2π).
    // With slope and shift of 1/2 HardSigmoid is (1 + erf)/2 in one pass: erf never leaves where it is a line.
    const erf = emit.unary("Erf", emit.scale(x(), Math.SQRT1_2));
    const cdf = emit.node("HardSigmoid", [erf], { alpha: 0.5, beta: 0.5 }, erf.dtype, erf.shape);
    const bell = emit.unary("Exp", emit.scale(emit.square(x()), -0.5));
    return emit.add2(cdf, emit.scale(emit.mul(x(), bell), 1 / Math.sqrt(2 * Math.PI)));
  }
  // y = x(1 + t)/2 with t = tanh u, u = c(x + kx³): y' = (1 + t)/2 + x(1 − t²)·c(1 + 3kx²)/2.
  const xx = emit.square(x());
  const u = emit.mul(x(), emit.shift(emit.scale(xx, GELU_SCALE * GELU_CUBIC), GELU_SCALE));
  const t = emit.unary("Tanh", u);
  const du = emit.shift(emit.scale(xx, 1.5 * GELU_SCALE * GELU_CUBIC), 0.5 * GELU_SCALE);
  const bend = emit.mul(emit.mul(x(), emit.minusFrom(1, emit.square(t))), du);
  return emit.add2(emit.scale(emit.shift(t, 1), 0.5), bend);
}

// ∂aᵇ/∂a = b·aᵇ⁻¹; squares and cubes need no Pow.
function powBase({ emit, x, dy, constant }: RuleContext<"Pow">): Value {
  const exponents = constant(1);
  const exponent = exponents?.length === 1 ? exponents[0] : undefined;
  const [a, b] = [x(0), emit.cast(x(1), x(0).dtype)];
  if (exponent === 0) return emit.zeros(a.dtype, a.shape);
  if (exponent === 1) return dy();
  if (exponent === 2) return emit.mul(dy(), emit.scale(a, 2));
  if (exponent === 3) return emit.mul(dy(), emit.scale(emit.square(a), 3));
  const slope = emit.mul(b, emit.binary("Pow", a, emit.shift(b, -1)));
  // a⁰ is 1 everywhere, at 0 too, where a⁻¹ is not a number.
  const mayBeZero = exponents === undefined || exponents.includes(0);
  return emit.mul(
    dy(),
    mayBeZero ? emit.where(emit.compare("Equal", b, 0), emit.like(slope, 0), slope) : slope,
  );
}

// ∂aᵇ/∂b = aᵇ·ln a, taken as 0 where a ≤ 0, as PyTorch does at a = 0.
function powExponent({ emit, x, y, dy }: RuleContext<"Pow">): Value {
  const isPositive = emit.compare("Greater", x(0), 0);
  const log = emit.unary("Log", emit.where(isPositive, x(0), emit.like(x(0), 1)));
  return emit.mul(dy(), emit.mul(y(), log));
}

// Inputs that tie share the gradient evenly: the subgradient that keeps its sum and favours none.
function extremum<K extends OpKind & ("Max" | "Min")>({ emit, arity, x, y, dy }: RuleContext<K>): Value[] {
  const masks = Array.from({ length: arity }, (_, i) => emit.mask("Equal", y(), x(i)));
  const ties = masks.reduce((total, mask) => emit.add2(total, mask));
  const share = sizeOf(ties.shape) === 0 ? dy() : emit.div(dy(), ties);
  return masks.map((mask) => emit.mul(share, mask));
}
