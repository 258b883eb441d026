/** Pools with windows, and over everything. */
import type { GraphBuilder, Value } from "../graph-builder.ts";
import { channelsOf, type LayerOptions, type Sizes, sizesOf } from "./options.ts";

export interface PoolOptions extends LayerOptions {
  readonly kernel: Sizes;
  /** The kernel when left out. */
  readonly stride?: Sizes;
  readonly padding?: Sizes;
  /** A last window that is not full counts too. */
  readonly ceil?: boolean;
}

export interface MaxPoolOptions extends PoolOptions {
  readonly dilation?: Sizes;
}

export interface AveragePoolOptions extends PoolOptions {
  /** Padding counts as zeros in the mean, as PyTorch has it; false: only what is there counts. */
  readonly countPadding?: boolean;
}

const AXES = ["", "[N, C, length]", "[N, C, height, width]", "[N, C, depth, height, width]"];

export function maxPool1d(b: GraphBuilder, x: Value, options: MaxPoolOptions): Value {
  return maxPool(b, x, options, 1);
}

export function maxPool2d(b: GraphBuilder, x: Value, options: MaxPoolOptions): Value {
  return maxPool(b, x, options, 2);
}

export function maxPool3d(b: GraphBuilder, x: Value, options: MaxPoolOptions): Value {
  return maxPool(b, x, options, 3);
}

export function averagePool1d(b: GraphBuilder, x: Value, options: AveragePoolOptions): Value {
  return averagePool(b, x, options, 1);
}

export function averagePool2d(b: GraphBuilder, x: Value, options: AveragePoolOptions): Value {
  return averagePool(b, x, options, 2);
}

export function averagePool3d(b: GraphBuilder, x: Value, options: AveragePoolOptions): Value {
  return averagePool(b, x, options, 3);
}

/** float32[N, c, …] → float32[N, c] */
export function globalAveragePool(b: GraphBuilder, x: Value, options: LayerOptions = {}): Value {
  const layer = b.layerName("globalAveragePool", options.name);
  return flat(b, layer, b.node("GlobalAveragePool", layer, [x], {}));
}

/** float32[N, c, …] → float32[N, c] */
export function globalMaxPool(b: GraphBuilder, x: Value, options: LayerOptions = {}): Value {
  const layer = b.layerName("globalMaxPool", options.name);
  return flat(b, layer, b.node("GlobalMaxPool", layer, [x], {}));
}

function flat(b: GraphBuilder, layer: string, pooled: Value): Value {
  return b.node("Flatten", `${layer}/flat`, [pooled], { axis: 1 });
}

function maxPool(b: GraphBuilder, x: Value, options: MaxPoolOptions, rank: number): Value {
  const layer = b.layerName("maxPool", options.name);
  const window = windowOf(b, layer, x, options, rank);
  const attributes = { ...window, ceil_mode: Number(options.ceil ?? false), storage_order: 0 };
  return b.node("MaxPool", layer, [x], attributes);
}

function averagePool(b: GraphBuilder, x: Value, options: AveragePoolOptions, rank: number): Value {
  const layer = b.layerName("averagePool", options.name);
  const window = windowOf(b, layer, x, options, rank);
  const count_include_pad = Number(options.countPadding ?? true);
  const attributes = { ...window, ceil_mode: Number(options.ceil ?? false), count_include_pad };
  return b.node("AveragePool", layer, [x], attributes);
}

function windowOf(b: GraphBuilder, layer: string, x: Value, options: MaxPoolOptions, rank: number) {
  channelsOf(b, layer, x, rank + 2, AXES[rank] ?? "");
  const { kernel, stride = kernel, padding = 0, dilation = 1 } = options;
  const pads = sizesOf(b, layer, "padding", padding, rank);
  return {
    kernel_shape: sizesOf(b, layer, "kernel", kernel, rank),
    strides: sizesOf(b, layer, "stride", stride, rank),
    dilations: sizesOf(b, layer, "dilation", dilation, rank),
    pads: [...pads, ...pads],
  };
}
