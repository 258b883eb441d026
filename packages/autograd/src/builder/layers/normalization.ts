/** Normalizations, with PyTorch's names and defaults. */
import type { GraphBuilder, Value } from "../graph-builder.ts";
import { channelsOf, type LayerOptions, reshapeTo } from "./options.ts";

export interface NormOptions extends LayerOptions {
  readonly epsilon?: number;
}

export interface BatchNormOptions extends NormOptions {
  /** Weight of the new statistic, as PyTorch counts: 0.1. */
  readonly momentum?: number;
}

export interface LayerNormOptions extends NormOptions {
  /** How many of the last axes are normalized together; 1 unless given. */
  readonly axes?: number;
  readonly bias?: boolean;
}

/** float32[N, c] or float32[N, c, l]; normalizes with the batch's statistics and keeps running ones. */
export function batchNorm1d(b: GraphBuilder, x: Value, options: BatchNormOptions = {}): Value {
  const layer = b.layerName("norm", options.name);
  const rank = x.type.shape.length === 2 ? 2 : 3;
  return batchNorm(b, layer, x, options, channelsOf(b, layer, x, rank, "[N, C] or [N, C, length]"));
}

/** float32[N, c, h, w]; normalizes with the batch's statistics and keeps running ones. */
export function batchNorm2d(b: GraphBuilder, x: Value, options: BatchNormOptions = {}): Value {
  const layer = b.layerName("norm", options.name);
  return batchNorm(b, layer, x, options, channelsOf(b, layer, x, 4, "[N, C, height, width]"));
}

/** float32[N, c, d, h, w]; normalizes with the batch's statistics and keeps running ones. */
export function batchNorm3d(b: GraphBuilder, x: Value, options: BatchNormOptions = {}): Value {
  const layer = b.layerName("norm", options.name);
  return batchNorm(b, layer, x, options, channelsOf(b, layer, x, 5, "[N, C, depth, height, width]"));
}

function batchNorm(
  b: GraphBuilder,
  layer: string,
  x: Value,
  options: BatchNormOptions,
  channels: number,
): Value {
  const { epsilon = 1e-5, momentum = 0.1 } = options;
  const parameters = (
    [
      ["weight", 1],
      ["bias", 0],
      ["running_mean", 0],
      ["running_var", 1],
    ] as const
  ).map(([name, fill]) => b.parameter(`${layer}.${name}`, [channels], { fill }));
  const attributes = {
    epsilon: Math.fround(epsilon),
    momentum: Math.fround(1 - momentum),
    training_mode: 1,
  };
  const outputs = [`${layer}/out`, `${layer}.running_mean/next`, `${layer}.running_var/next`];
  return b.nodes("BatchNormalization", layer, [x, ...parameters], attributes, outputs)[0] ?? x;
}

/** Over the last axes; weight and bias of their shape. */
export function layerNorm(b: GraphBuilder, x: Value, options: LayerNormOptions = {}): Value {
  const layer = b.layerName("layerNorm", options.name);
  const axes = options.axes ?? 1;
  const shape = x.type.shape.slice(-axes).map((dim) => b.fixed(dim, layer, "each normalized axis"));
  const weight = b.parameter(`${layer}.weight`, shape, { fill: 1 });
  const bias = options.bias === false ? [] : [b.parameter(`${layer}.bias`, shape, { fill: 0 })];
  const epsilon = Math.fround(options.epsilon ?? 1e-5);
  return b.node("LayerNormalization", layer, [x, weight, ...bias], { axis: -axes, epsilon, stash_type: 1 });
}

/** x / √(mean(x²) + ε) · weight over the last axis. SOURCE: Zhang & Sennrich, 2019. */
export function rmsNorm(b: GraphBuilder, x: Value, options: NormOptions = {}): Value {
  const layer = b.layerName("rmsNorm", options.name);
  const width = b.fixed(x.type.shape.at(-1), layer, "the last axis");
  const weight = b.parameter(`${layer}.weight`, [width], { fill: 1 });
  const square = b.node("Mul", `${layer}/square`, [x, x], {});
  const axes = b.ints(`${layer}/axes`, [-1]);
  const mean = b.node("ReduceMean", `${layer}/mean`, [square, axes], {
    keepdims: 1,
    noop_with_empty_axes: 0,
  });
  const epsilon = b.scalar(`${layer}/epsilon`, options.epsilon ?? 1e-6);
  const root = b.node("Sqrt", `${layer}/root`, [b.node("Add", `${layer}/sum`, [mean, epsilon], {})], {});
  return b.node("Mul", layer, [b.node("Div", `${layer}/normal`, [x, root], {}), weight], {});
}

/** float32[N, c, …]; channels in groups, each row by itself; weight and bias for each channel. */
export function groupNorm(
  b: GraphBuilder,
  x: Value,
  options: NormOptions & { readonly groups: number },
): Value {
  const layer = b.layerName("groupNorm", options.name);
  const { groups, epsilon = 1e-5 } = options;
  const { shape } = x.type;
  const channels = b.fixed(shape[1], layer, "the channel axis");
  if (!Number.isInteger(groups) || groups < 1 || channels % groups !== 0) {
    throw b.invalid(layer, `${channels} channels do not split into ${groups} groups; give a divisor of them`);
  }
  const weight = b.parameter(`${layer}.weight`, [channels], { fill: 1 });
  const bias = b.parameter(`${layer}.bias`, [channels], { fill: 0 });
  const spatial = shape.slice(2).map((dim) => b.fixed(dim, layer, "each spatial axis"));
  const grouped = reshapeTo(b, `${layer}/grouped`, x, [0, groups, -1]);
  const normal = instanceNormalized(b, `${layer}/normal`, grouped, groups, epsilon);
  const back = reshapeTo(b, `${layer}/back`, normal, [0, channels, ...spatial]);
  return scaledByChannel(b, layer, back, weight, bias);
}

/** float32[N, c, …]: each channel of each row by itself. Without `affine` it has no parameters, as in PyTorch. */
export function instanceNorm(
  b: GraphBuilder,
  x: Value,
  options: NormOptions & { readonly affine?: boolean } = {},
): Value {
  const layer = b.layerName("instanceNorm", options.name);
  const channels = b.fixed(x.type.shape[1], layer, "the channel axis");
  const epsilon = options.epsilon ?? 1e-5;
  if (options.affine !== true) return instanceNormalized(b, layer, x, channels, epsilon);
  const weight = b.parameter(`${layer}.weight`, [channels], { fill: 1 });
  const bias = b.parameter(`${layer}.bias`, [channels], { fill: 0 });
  return b.node("InstanceNormalization", layer, [x, weight, bias], { epsilon: Math.fround(epsilon) });
}

function instanceNormalized(b: GraphBuilder, name: string, x: Value, channels: number, epsilon: number) {
  const filled = (part: string, fill: number): Value => {
    const data = new Float32Array(channels).fill(fill);
    return b.constant(`${name}/${part}`, { dtype: "float32", shape: [channels], data });
  };
  const inputs = [x, filled("ones", 1), filled("zeros", 0)];
  return b.node("InstanceNormalization", name, inputs, { epsilon: Math.fround(epsilon) });
}

function scaledByChannel(b: GraphBuilder, layer: string, x: Value, weight: Value, bias: Value): Value {
  const ones = x.type.shape.slice(2).map(() => 1);
  const along = (part: string, of: Value): Value => reshapeTo(b, `${layer}/${part}`, of, [-1, ...ones]);
  const scaled = b.node("Mul", `${layer}/scaled`, [x, along("weight", weight)], {});
  return b.node("Add", layer, [scaled, along("bias", bias)], {});
}
