/** Operators that look at one element at a time, with broadcasting. */
import type { ElementwiseAttributes } from "../graph/ops/elementwise.ts";
import type { OpKind } from "../graph/ops.ts";
import type { DType } from "../graph/tensor.ts";
import { EvaluationError } from "./fault.ts";
import type { Evaluate, Evaluations, Step } from "./step.ts";
import {
  broadcastFrom,
  isReal,
  isReals,
  type Reals,
  type ReferenceValue,
  reals,
  type WholeDType,
  wholes,
} from "./value.ts";

type RealMap<K extends OpKind> = (x: number, attributes: Step<K>["attributes"]) => number;

function real<K extends OpKind>(map: RealMap<K>): Evaluate<K> {
  return (step) => {
    const { dtype, shape, data } = step.reals();
    return [reals(dtype, shape, (i) => map(data[i]!, step.attributes))];
  };
}

function number<K extends OpKind>(map: (x: number) => number, mapWhole: (x: bigint) => bigint): Evaluate<K> {
  return (step) => {
    const x = step.x();
    if (isReals(x)) return [reals(x.dtype, x.shape, (i) => map(x.data[i]!))];
    return [wholes(x.dtype, x.shape, (i) => mapWhole(x.data[i]!))];
  };
}

interface Pairwise {
  readonly real: (a: number, b: number) => number;
  readonly whole: (a: bigint, b: bigint) => bigint;
}

/** Two inputs or more, folded from the left. */
function folded<K extends OpKind>(pairwise: (step: Step<K>) => Pairwise): Evaluate<K> {
  return (step) => {
    const { real, whole } = pairwise(step);
    const [first = step.x(), ...rest] = step.all();
    const shape = step.shape();
    return [
      rest.reduce<ReferenceValue>(
        (a, b) => {
          const [fromA, fromB] = [broadcastFrom(a.shape, shape), broadcastFrom(b.shape, shape)];
          if (isReals(a)) {
            return reals(a.dtype, shape, (i) => real(a.data[fromA(i)]!, Number(b.data[fromB(i)]!)));
          }
          if (isReals(b)) throw step.refuse(`${a.dtype} meets ${b.dtype}`);
          return wholes(a.dtype, shape, (i) => whole(a.data[fromA(i)]!, b.data[fromB(i)]!));
        },
        spread(first, shape),
      ),
    ];
  };
}

function spread(x: ReferenceValue, shape: readonly number[]): ReferenceValue {
  const from = broadcastFrom(x.shape, shape);
  if (isReals(x)) return reals(x.dtype, shape, (i) => x.data[from(i)]!);
  return wholes(x.dtype, shape, (i) => x.data[from(i)]!);
}

const pair = <K extends OpKind>(real: Pairwise["real"], whole: Pairwise["whole"]): Evaluate<K> =>
  folded(() => ({ real, whole }));

function comparison<K extends OpKind>(
  test: (a: number | bigint, b: number | bigint) => boolean,
): Evaluate<K> {
  return (step) => {
    const [a, b, shape] = [step.x(0), step.x(1), step.shape()];
    const [fromA, fromB] = [broadcastFrom(a.shape, shape), broadcastFrom(b.shape, shape)];
    return [wholes("bool", shape, (i) => BigInt(test(a.data[fromA(i)]!, b.data[fromB(i)]!)))];
  };
}

export const elementwiseEvaluations: Evaluations<keyof ElementwiseAttributes> = {
  Acos: real(Math.acos),
  Acosh: real(Math.acosh),
  Asin: real(Math.asin),
  Asinh: real(Math.asinh),
  Atan: real(Math.atan),
  Atanh: real(Math.atanh),
  Celu: real((x, { alpha }) => Math.max(0, x) + Math.min(0, alpha * Math.expm1(x / alpha))),
  Cosh: real(Math.cosh),
  Mish: real((x) => x * Math.tanh(Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))))),
  Sinh: real(Math.sinh),
  Tan: real(Math.tan),
  ThresholdedRelu: real((x, { alpha }) => (x > alpha ? x : 0)),
  Abs: number(Math.abs, (x) => (x < 0n ? -x : x)),
  Ceil: real(Math.ceil),
  Cos: real(Math.cos),
  Elu: real((x, { alpha }) => (x < 0 ? alpha * Math.expm1(x) : x)),
  Erf: real(erf),
  Exp: real(Math.exp),
  Floor: real(Math.floor),
  Gelu: real((x, { approximate }) =>
    approximate === "none"
      ? 0.5 * x * (1 + erf(x / Math.SQRT2))
      : 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  ),
  HardSigmoid: real((x, { alpha, beta }) => Math.max(0, Math.min(1, alpha * x + beta))),
  HardSwish: real((x) => x * Math.max(0, Math.min(1, x / 6 + 0.5))),
  Identity: (step) => [step.x()],
  IsInf: (step) => {
    const { shape, data } = step.reals();
    const { detect_negative: negative, detect_positive: positive } = step.attributes;
    const wanted = [negative && Number.NEGATIVE_INFINITY, positive && Number.POSITIVE_INFINITY];
    return [wholes("bool", shape, (i) => BigInt(data[i] !== 0 && wanted.includes(data[i]!)))];
  },
  IsNaN: (step) => {
    const { shape, data } = step.reals();
    return [wholes("bool", shape, (i) => BigInt(Number.isNaN(data[i]!)))];
  },
  LeakyRelu: real((x, { alpha }) => (x < 0 ? alpha * x : x)),
  Log: real(Math.log),
  Neg: number(
    (x) => -x,
    (x) => -x,
  ),
  Not: (step) => {
    const { shape, data } = step.wholes();
    return [wholes("bool", shape, (i) => 1n - data[i]!)];
  },
  Reciprocal: real((x) => 1 / x),
  Relu: number(
    (x) => (x < 0 ? 0 : x),
    (x) => (x < 0n ? 0n : x),
  ),
  Round: real(roundHalfToEven),
  Selu: real((x, { alpha, gamma }) => gamma * (x > 0 ? x : alpha * Math.expm1(x))),
  Shrink: real((x, { bias, lambd }) => (x < -lambd ? x + bias : x > lambd ? x - bias : 0)),
  Sigmoid: real((x) => 1 / (1 + Math.exp(-x))),
  Sign: number(Math.sign, (x) => BigInt(x > 0n) - BigInt(x < 0n)),
  Sin: real(Math.sin),
  Softplus: real((x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))),
  Softsign: real((x) => x / (1 + Math.abs(x))),
  Sqrt: real(Math.sqrt),
  Tanh: real(Math.tanh),
  Cast: (step) => cast(step.x(), step.attributes.to),
  CastLike: (step) => cast(step.x(), step.x(1).dtype),
  Clip: (step) => {
    const x = step.x();
    const [low, high] = [1, 2].map((i) => (step.has(i) ? step.x(i).data[0] : undefined));
    const clip = <N extends number | bigint>(one: N): N => {
      const raised = low !== undefined && one < low ? low : one;
      // SAFETY: the bounds have the element type of x, so they are numbers of the same kind.
      return (high !== undefined && raised > high ? high : raised) as N;
    };
    if (isReals(x)) return [reals(x.dtype, x.shape, (i) => clip(x.data[i]!))];
    return [wholes(x.dtype, x.shape, (i) => clip(x.data[i]!))];
  },
  Dropout: (step) => {
    const x = step.reals();
    const ratio = step.has(1) ? step.numbers(1)[0]! : 0.5;
    if (step.has(2) && step.numbers(2)[0] === 1 && ratio !== 0) {
      const { op, name: node } = step.node;
      throw new EvaluationError({ code: "NOT_DETERMINED", op, node, why: "it draws its mask at random" });
    }
    return [x, wholes("bool", x.shape, () => 1n)];
  },
  Add: pair(
    (a, b) => a + b,
    (a, b) => a + b,
  ),
  Sub: pair(
    (a, b) => a - b,
    (a, b) => a - b,
  ),
  Mul: pair(
    (a, b) => a * b,
    (a, b) => a * b,
  ),
  Div: folded((step) => ({ real: (a, b) => a / b, whole: (a, b) => a / divisor(b, step) })),
  Mod: folded((step) => ({
    real: (a, b) => a % b,
    whole: (a, b) => {
      const rest = a % divisor(b, step);
      // Without fmod the result has the divisor's sign, as in Python.
      return step.attributes.fmod === 0 && rest !== 0n && rest < 0n !== b < 0n ? rest + b : rest;
    },
  })),
  Pow: power,
  PRelu: pair(
    (x, slope) => (x < 0 ? slope * x : x),
    (x, slope) => (x < 0n ? slope * x : x),
  ),
  And: pair(Math.min, (a, b) => a & b),
  Or: pair(Math.max, (a, b) => a | b),
  Xor: pair(
    (a, b) => Number(a !== b),
    (a, b) => a ^ b,
  ),
  BitShift: folded((step) => ({
    real: () => Number.NaN,
    whole: (a, b) => (step.attributes.direction === "LEFT" ? a << b : a >> b),
  })),
  BitwiseAnd: pair(
    () => Number.NaN,
    (a, b) => a & b,
  ),
  BitwiseNot: (step) => {
    const { dtype, shape, data } = step.wholes();
    return [wholes(dtype, shape, (i) => ~data[i]!)];
  },
  BitwiseOr: pair(
    () => Number.NaN,
    (a, b) => a | b,
  ),
  BitwiseXor: pair(
    () => Number.NaN,
    (a, b) => a ^ b,
  ),
  Equal: comparison((a, b) => a === b),
  Greater: comparison((a, b) => a > b),
  GreaterOrEqual: comparison((a, b) => a >= b),
  Less: comparison((a, b) => a < b),
  LessOrEqual: comparison((a, b) => a <= b),
  Max: pair(Math.max, (a, b) => (a > b ? a : b)),
  Min: pair(Math.min, (a, b) => (a < b ? a : b)),
  Sum: pair(
    (a, b) => a + b,
    (a, b) => a + b,
  ),
  Mean: (step) => {
    const [sum] = elementwiseEvaluations.Sum(step as unknown as Step<"Sum">); // SAFETY: neither reads attributes.
    if (sum === undefined || !isReals(sum)) throw step.refuse("a mean is real");
    return [reals(sum.dtype, sum.shape, (i) => sum.data[i]! / step.node.inputs.length)];
  },
  Where: (step) => {
    const shape = step.shape();
    const [condition, a, b] = [step.wholes(0), step.x(1), step.x(2)];
    const [fromC, fromA, fromB] = [condition, a, b].map((one) => broadcastFrom(one.shape, shape));
    const pick = (i: number) => (condition.data[fromC!(i)] === 0n ? b.data[fromB!(i)]! : a.data[fromA!(i)]!);
    if (isReals(a)) return [reals(a.dtype, shape, (i) => Number(pick(i)))];
    return [wholes(a.dtype, shape, (i) => BigInt(pick(i)))];
  },
};

/** erf(x) = 2/√π · e^(−x²) · Σ 2ⁿ x^(2n+1) / (1·3·…·(2n+1)): every term has one sign, so nothing cancels. */
export function erf(x: number): number {
  if (Number.isNaN(x)) return x;
  if (Math.abs(x) > 6) return Math.sign(x); // 1 − erf(6) is 2e-17
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > Math.abs(sum) * 1e-17; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

export function roundHalfToEven(x: number): number {
  const low = Math.floor(x);
  if (x - low !== 0.5) return Math.round(x);
  return low % 2 === 0 ? low : low + 1;
}

function divisor(b: bigint, step: Step): bigint {
  if (b === 0n) throw step.refuse("it divides a whole number by 0");
  return b;
}

function power(step: Step<"Pow">): readonly ReferenceValue[] {
  const [a, b, shape] = [step.x(0), step.x(1), step.shape()];
  const [fromA, fromB] = [broadcastFrom(a.shape, shape), broadcastFrom(b.shape, shape)];
  if (isReals(a)) return [reals(a.dtype, shape, (i) => a.data[fromA(i)]! ** Number(b.data[fromB(i)]!))];
  return [
    wholes(a.dtype, shape, (i) => {
      const [base, exponent] = [a.data[fromA(i)]!, b.data[fromB(i)]!];
      if (typeof exponent === "bigint" && exponent >= 0n) return base ** exponent;
      return truncated(Number(base) ** Number(exponent));
    }),
  ];
}

function cast(x: ReferenceValue, to: DType): readonly ReferenceValue[] {
  if (isReal(to)) return [reals(to, x.shape, (i) => Number(x.data[i]!))];
  if (isReals(x)) return [castReals(x, to)];
  return [wholes(to, x.shape, (i) => x.data[i]!)];
}

function castReals({ shape, data }: Reals, to: WholeDType): ReferenceValue {
  if (to === "bool") return wholes(to, shape, (i) => BigInt(data[i] !== 0));
  return wholes(to, shape, (i) => truncated(data[i]!));
}

/** What no int64 holds becomes the smallest, as processors have it. */
function truncated(x: number): bigint {
  return Math.abs(x) < 2 ** 63 ? BigInt(Math.trunc(x)) : -(2n ** 63n);
}
