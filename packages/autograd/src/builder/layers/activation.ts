/** Activations, one table by name. */
import type { GraphBuilder, Value } from "../graph-builder.ts";
import type { LayerOptions } from "./options.ts";

type Make = (b: GraphBuilder, layer: string, x: Value) => Value;

/** Without settings of their own; PyTorch's defaults where a formula has a number in it. */
const MAKE = {
  celu: (b, layer, x) => b.node("Celu", layer, [x], { alpha: 1 }),
  elu: (b, layer, x) => b.node("Elu", layer, [x], { alpha: 1 }),
  exp: (b, layer, x) => b.node("Exp", layer, [x], {}),
  gelu: (b, layer, x) => b.node("Gelu", layer, [x], { approximate: "none" }),
  geluTanh: (b, layer, x) => b.node("Gelu", layer, [x], { approximate: "tanh" }),
  /** max(0, min(1, x/6 + 1/2)) */
  hardSigmoid: (b, layer, x) => b.node("HardSigmoid", layer, [x], { alpha: Math.fround(1 / 6), beta: 0.5 }),
  hardSwish: (b, layer, x) => b.node("HardSwish", layer, [x], {}),
  hardTanh: (b, layer, x) => clip(b, layer, x, -1, 1),
  identity: (_, __, x) => x,
  leakyRelu: (b, layer, x) => b.node("LeakyRelu", layer, [x], { alpha: Math.fround(0.01) }),
  /** ln σ(x) = −softplus(−x) */
  logSigmoid: (b, layer, x) => {
    const negative = b.node("Neg", `${layer}/negative`, [x], {});
    return b.node("Neg", layer, [b.node("Softplus", `${layer}/softplus`, [negative], {})], {});
  },
  mish: (b, layer, x) => b.node("Mish", layer, [x], {}),
  relu: (b, layer, x) => b.node("Relu", layer, [x], {}),
  relu6: (b, layer, x) => clip(b, layer, x, 0, 6),
  selu: (b, layer, x) =>
    b.node("Selu", layer, [x], { alpha: Math.fround(1.6732632), gamma: Math.fround(1.050701) }),
  sigmoid: (b, layer, x) => b.node("Sigmoid", layer, [x], {}),
  /** x · σ(x), also called swish. */
  silu: (b, layer, x) => b.node("Mul", layer, [x, b.node("Sigmoid", `${layer}/sigmoid`, [x], {})], {}),
  softplus: (b, layer, x) => b.node("Softplus", layer, [x], {}),
  softsign: (b, layer, x) => b.node("Softsign", layer, [x], {}),
  tanh: (b, layer, x) => b.node("Tanh", layer, [x], {}),
} satisfies { readonly [name: string]: Make };

export type ActivationName = keyof typeof MAKE;
export const ACTIVATIONS: readonly ActivationName[] = Object.keys(MAKE).filter(isActivation);

function isActivation(name: string): name is ActivationName {
  return Object.hasOwn(MAKE, name);
}

/** By name, as a setting would have it. */
export function activation(
  b: GraphBuilder,
  x: Value,
  name: ActivationName,
  options: LayerOptions = {},
): Value {
  const layer = b.layerName(name, options.name);
  if (!isActivation(name)) throw b.invalid(layer, `there is no such activation; ${ACTIVATIONS.join(", ")}`);
  return MAKE[name](b, layer, x);
}

export function relu(b: GraphBuilder, x: Value, options: LayerOptions = {}): Value {
  return activation(b, x, "relu", options);
}

export function tanh(b: GraphBuilder, x: Value, options: LayerOptions = {}): Value {
  return activation(b, x, "tanh", options);
}

export function sigmoid(b: GraphBuilder, x: Value, options: LayerOptions = {}): Value {
  return activation(b, x, "sigmoid", options);
}

export function silu(b: GraphBuilder, x: Value, options: LayerOptions = {}): Value {
  return activation(b, x, "silu", options);
}

export function gelu(
  b: GraphBuilder,
  x: Value,
  options: LayerOptions & { readonly approximate?: "none" | "tanh" } = {},
): Value {
  const layer = b.layerName("gelu", options.name);
  return MAKE[options.approximate === "tanh" ? "geluTanh" : "gelu"](b, layer, x);
}

/** x where it is positive, slope · x elsewhere. */
export function leakyRelu(
  b: GraphBuilder,
  x: Value,
  options: LayerOptions & { readonly slope?: number } = {},
): Value {
  const layer = b.layerName("leakyRelu", options.name);
  return b.node("LeakyRelu", layer, [x], { alpha: Math.fround(options.slope ?? 0.01) });
}

/** As leakyRelu with slopes that are trained: one, or one for each channel; weight [channels or 1]. */
export function prelu(
  b: GraphBuilder,
  x: Value,
  options: LayerOptions & { readonly perChannel?: boolean } = {},
): Value {
  const layer = b.layerName("prelu", options.name);
  const { shape } = x.type;
  const channels = options.perChannel === true ? b.fixed(shape[1], layer, "the channel axis") : 1;
  const weight = b.parameter(`${layer}.weight`, [channels], { fill: 0.25 });
  const sizes = b.ints(`${layer}/shape`, [-1, ...shape.slice(2).map(() => 1)]);
  const slopes = b.node("Reshape", `${layer}/slopes`, [weight, sizes], { allowzero: 0 });
  return b.node("PRelu", layer, [x, channels === 1 ? weight : slopes], {});
}

/** The first half of the last axis, times an activation of the second: sigmoid (GLU), gelu (GeGLU), silu (SwiGLU). */
export function glu(
  b: GraphBuilder,
  x: Value,
  options: LayerOptions & { readonly gate?: ActivationName } = {},
): Value {
  const layer = b.layerName("glu", options.name);
  const halves = [`${layer}/value`, `${layer}/gate`];
  const [value = x, gate = x] = b.nodes(
    "Split",
    `${layer}/halves`,
    [x],
    { axis: -1, num_outputs: 2 },
    halves,
  );
  return b.node("Mul", layer, [value, MAKE[options.gate ?? "sigmoid"](b, `${layer}/open`, gate)], {});
}

export function softmax(
  b: GraphBuilder,
  x: Value,
  options: LayerOptions & { readonly axis?: number } = {},
): Value {
  return b.node("Softmax", b.layerName("softmax", options.name), [x], { axis: options.axis ?? -1 });
}

export function logSoftmax(
  b: GraphBuilder,
  x: Value,
  options: LayerOptions & { readonly axis?: number } = {},
): Value {
  return b.node("LogSoftmax", b.layerName("logSoftmax", options.name), [x], { axis: options.axis ?? -1 });
}

function clip(b: GraphBuilder, layer: string, x: Value, low: number, high: number): Value {
  return b.node("Clip", layer, [x, b.scalar(`${layer}/low`, low), b.scalar(`${layer}/high`, high)], {});
}
