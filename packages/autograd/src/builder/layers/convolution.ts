/** Convolutions over [N, C, …spatial], their transposes, and the pairs that cost less. */
import type { GraphBuilder, Value } from "../graph-builder.ts";
import { kaimingUniform } from "../initialization.ts";
import { channelsOf, type Sizes, sizesOf, type WeightOptions, weightAndBias } from "./options.ts";

export interface ConvOptions extends WeightOptions {
  readonly outChannels: number;
  readonly kernel: Sizes;
  readonly stride?: Sizes;
  /** "same": the output is as large as the input, for strides of 1 and odd kernels. */
  readonly padding?: Sizes | "same";
  readonly dilation?: Sizes;
  readonly groups?: number;
}

export interface ConvTransposeOptions extends ConvOptions {
  /** Adds to the far side of the output: which of the inputs of equal result was meant. */
  readonly outputPadding?: Sizes;
}

const AXES = ["", "[N, C, length]", "[N, C, height, width]", "[N, C, depth, height, width]"];

/** float32[N, in, l] → float32[N, out, l']; weight [out, in / groups, k]. */
export function conv1d(b: GraphBuilder, x: Value, options: ConvOptions): Value {
  return convolve(b, x, options, 1);
}

/** float32[N, in, h, w] → float32[N, out, h', w']; weight [out, in / groups, kh, kw]. */
export function conv2d(b: GraphBuilder, x: Value, options: ConvOptions): Value {
  return convolve(b, x, options, 2);
}

/** float32[N, in, d, h, w] → float32[N, out, d', h', w']; weight [out, in / groups, kd, kh, kw]. */
export function conv3d(b: GraphBuilder, x: Value, options: ConvOptions): Value {
  return convolve(b, x, options, 3);
}

/** Each channel by itself, `multiplier` kernels for each; weight [in × multiplier, 1, kh, kw]. */
export function depthwiseConv2d(
  b: GraphBuilder,
  x: Value,
  options: Omit<ConvOptions, "outChannels" | "groups"> & { readonly multiplier?: number },
): Value {
  const layer = b.layerName("depthwise", options.name);
  const channels = channelsOf(b, layer, x, 4, "[N, C, height, width]");
  const outChannels = channels * (options.multiplier ?? 1);
  return convolveAs(b, layer, x, { ...options, outChannels, groups: channels }, 2);
}

/** Depthwise, then 1 × 1: parameters `<layer>.depthwise.*` and `<layer>.pointwise.*`. */
export function separableConv2d(b: GraphBuilder, x: Value, options: Omit<ConvOptions, "groups">): Value {
  const layer = b.layerName("separable", options.name);
  const { outChannels, name: _, ...window } = options;
  const each = depthwiseConv2d(b, x, { ...window, bias: false, name: `${layer}.depthwise` });
  const bias = options.bias ?? true;
  return conv2d(b, each, { outChannels, kernel: 1, bias, name: `${layer}.pointwise` });
}

/** float32[N, in, l] → float32[N, out, l']; weight [in, out / groups, k]. */
export function convTranspose1d(b: GraphBuilder, x: Value, options: ConvTransposeOptions): Value {
  return convolveTransposed(b, x, options, 1);
}

/** float32[N, in, h, w] → float32[N, out, h', w']; weight [in, out / groups, kh, kw]. */
export function convTranspose2d(b: GraphBuilder, x: Value, options: ConvTransposeOptions): Value {
  return convolveTransposed(b, x, options, 2);
}

/** float32[N, in, d, h, w] → float32[N, out, d', h', w']; weight [in, out / groups, kd, kh, kw]. */
export function convTranspose3d(b: GraphBuilder, x: Value, options: ConvTransposeOptions): Value {
  return convolveTransposed(b, x, options, 3);
}

function convolve(b: GraphBuilder, x: Value, options: ConvOptions, rank: number): Value {
  return convolveAs(b, b.layerName("conv", options.name), x, options, rank);
}

function convolveAs(b: GraphBuilder, layer: string, x: Value, options: ConvOptions, rank: number): Value {
  const { channels, groups, window } = geometryOf(b, layer, x, options, rank);
  const perGroup = channels / groups;
  const shape = [options.outChannels, perGroup, ...window.kernel_shape];
  const drawn = kaimingUniform(productOf(shape.slice(1)));
  const weights = weightAndBias(b, layer, options, { shape, features: options.outChannels, drawn });
  return b.node("Conv", layer, [x, ...weights], { ...window, group: groups });
}

function convolveTransposed(b: GraphBuilder, x: Value, options: ConvTransposeOptions, rank: number): Value {
  const layer = b.layerName("convTranspose", options.name);
  const { channels, groups, window } = geometryOf(b, layer, x, options, rank);
  const shape = [channels, options.outChannels / groups, ...window.kernel_shape];
  // PyTorch counts the fan-in along axis 1 here too.
  const drawn = kaimingUniform(productOf(shape.slice(1)));
  const weights = weightAndBias(b, layer, options, { shape, features: options.outChannels, drawn });
  const output_padding = sizesOf(b, layer, "outputPadding", options.outputPadding ?? 0, rank);
  return b.node("ConvTranspose", layer, [x, ...weights], { ...window, output_padding, group: groups });
}

function geometryOf(b: GraphBuilder, layer: string, x: Value, options: ConvOptions, rank: number) {
  const { outChannels, groups = 1 } = options;
  const channels = channelsOf(b, layer, x, rank + 2, AXES[rank] ?? "");
  if (!Number.isInteger(groups) || groups < 1 || channels % groups !== 0 || outChannels % groups !== 0) {
    throw b.invalid(
      layer,
      `${channels} channels in and ${outChannels} out do not split into ${groups} groups; both must divide by it`,
    );
  }
  const kernel = sizesOf(b, layer, "kernel", options.kernel, rank);
  const dilations = sizesOf(b, layer, "dilation", options.dilation ?? 1, rank);
  const strides = sizesOf(b, layer, "stride", options.stride ?? 1, rank);
  const reach = kernel.map((size, i) => (size - 1) * (dilations[i] ?? 1));
  if (
    options.padding === "same" &&
    (reach.some((more) => more % 2 !== 0) || strides.some((by) => by !== 1))
  ) {
    throw b.invalid(layer, `padding "same" takes strides of 1 and odd kernels; give the padding in numbers`);
  }
  const padding =
    options.padding === "same"
      ? reach.map((more) => more / 2)
      : sizesOf(b, layer, "padding", options.padding ?? 0, rank);
  const window = { kernel_shape: kernel, strides, dilations, pads: [...padding, ...padding] };
  return { channels, groups, window };
}

function productOf(sizes: readonly number[]): number {
  return sizes.reduce((product, size) => product * size, 1);
}
