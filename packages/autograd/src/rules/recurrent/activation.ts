/** The activations of recurrent layers and their slopes, as nodes. */
import type { Activation, ActivationName } from "../../graph/activation.ts";
import type { Emitter, Value } from "../emitter.ts";

export interface Activated {
  readonly value: Value;
  /** Of the value's shape, or one that broadcasts to it. */
  slope(): Value;
}

type Rule = (emit: Emitter, x: Value, settings: Activation) => Activated;

/** @param clip  what bounds x on both sides; there the slope is 0 */
export function activate(
  emit: Emitter,
  activation: Activation,
  x: Value,
  clip: number | undefined,
): Activated {
  if (clip === undefined || clip === 0) return RULES[activation.name](emit, x, activation);
  const bounds = [emit.like(x, -clip), emit.like(x, clip)];
  const inside = emit.node("Clip", [x, ...bounds], {}, x.dtype, x.shape);
  const { value, slope } = RULES[activation.name](emit, inside, activation);
  return { value, slope: () => emit.mul(slope(), emit.mask("Less", emit.unary("Abs", x), clip)) };
}

const RULES: { readonly [N in ActivationName]: Rule } = {
  Affine: (emit, x, { alpha, beta }) => ({
    value: emit.shift(emit.scale(x, alpha), beta),
    slope: () => emit.like(x, alpha),
  }),
  // y' = αeˣ = y + α below 0
  Elu: (emit, x, { alpha }) => {
    const value = emit.node("Elu", [x], { alpha }, x.dtype, x.shape);
    const isAbove = () => emit.compare("Greater", x, emit.scalar(0));
    return { value, slope: () => emit.where(isAbove(), emit.scalar(1), emit.shift(value, alpha)) };
  },
  HardSigmoid: (emit, x, { alpha, beta }) => {
    const value = emit.node("HardSigmoid", [x], { alpha, beta }, x.dtype, x.shape);
    const inside = () => emit.mul(emit.mask("Greater", value, 0), emit.mask("Less", value, 1));
    return { value, slope: () => emit.scale(inside(), alpha) };
  },
  LeakyRelu: (emit, x, { alpha }) => ({
    value: emit.node("LeakyRelu", [x], { alpha }, x.dtype, x.shape),
    slope: () => emit.shift(emit.scale(emit.mask("Greater", x, 0), 1 - alpha), alpha),
  }),
  Relu: (emit, x) => ({
    value: emit.node("Relu", [x], {}, x.dtype, x.shape),
    slope: () => emit.mask("Greater", x, 0),
  }),
  ScaledTanh: (emit, x, { alpha, beta }) => {
    const tanh = emit.unary("Tanh", emit.scale(x, beta));
    const slope = () => emit.scale(emit.minusFrom(1, emit.square(tanh)), alpha * beta);
    return { value: emit.scale(tanh, alpha), slope };
  },
  Sigmoid: (emit, x) => {
    const value = emit.unary("Sigmoid", x);
    return { value, slope: () => emit.mul(value, emit.minusFrom(1, value)) };
  },
  Softplus: (emit, x) => ({
    value: emit.node("Softplus", [x], {}, x.dtype, x.shape),
    slope: () => emit.unary("Sigmoid", x),
  }),
  // y' = 1/(1 + |x|)²
  Softsign: (emit, x) => ({
    value: emit.node("Softsign", [x], {}, x.dtype, x.shape),
    slope: () => emit.unary("Reciprocal", emit.square(emit.shift(emit.unary("Abs", x), 1))),
  }),
  Tanh: (emit, x) => {
    const value = emit.unary("Tanh", x);
    return { value, slope: () => emit.minusFrom(1, emit.square(value)) };
  },
  ThresholdedRelu: (emit, x, { alpha }) => ({
    value: emit.node("ThresholdedRelu", [x], { alpha }, x.dtype, x.shape),
    slope: () => emit.mask("Greater", x, alpha),
  }),
};
