/**
 * Layers, with the defaults of PyTorch: `b.linear(x, { outFeatures: 10 })`.
 *
 * A layer's parameters are `<layer>.weight` and `<layer>.bias`; a layer without a name is named by its kind and number.
 */
import { GraphBuilder, type Value } from "./graph-builder.ts";
import { type Initialization, kaimingUniform } from "./initialization.ts";

export interface LayerOptions {
  readonly name?: string;
}

type Pair = number | readonly [number, number];

export interface LinearOptions extends LayerOptions {
  readonly outFeatures: number;
  readonly bias?: boolean;
  /** Gaussian weights with this deviation and a bias of 0, in place of PyTorch's default. */
  readonly deviation?: number;
}

export interface Conv2dOptions extends LayerOptions {
  readonly outChannels: number;
  readonly kernel: Pair;
  readonly stride?: Pair;
  readonly padding?: Pair;
  readonly dilation?: Pair;
  readonly groups?: number;
  readonly bias?: boolean;
}

export interface Pool2dOptions extends LayerOptions {
  readonly kernel: Pair;
  /** The kernel when left out. */
  readonly stride?: Pair;
  readonly padding?: Pair;
}

export interface BatchNormOptions extends LayerOptions {
  readonly epsilon?: number;
  /** Weight of the new statistic, as PyTorch counts: 0.1. */
  readonly momentum?: number;
}

export class ModelBuilder extends GraphBuilder {
  /** float32[…, in] → float32[…, out]; weight [out, in]. */
  linear(x: Value, options: LinearOptions): Value {
    const layer = this.layerName("linear", options.name);
    const { outFeatures, deviation } = options;
    const inFeatures = this.fixed(x.type.shape.at(-1), layer, "the last axis");
    const drawn: Initialization = deviation === undefined ? kaimingUniform(inFeatures) : { deviation };
    const weight = this.parameter(`${layer}.weight`, [outFeatures, inFeatures], drawn);
    const first: Initialization = deviation === undefined ? drawn : { fill: 0 };
    const bias = options.bias === false ? [] : [this.parameter(`${layer}.bias`, [outFeatures], first)];
    if (x.type.shape.length === 2) {
      return this.node("Gemm", layer, [x, weight, ...bias], { alpha: 1, beta: 1, transA: 0, transB: 1 });
    }
    const transposed = this.node("Transpose", `${layer}/weight`, [weight], { perm: [1, 0] });
    const product = this.node("MatMul", bias.length === 0 ? layer : `${layer}/product`, [x, transposed], {});
    return bias.reduce((sum, one) => this.node("Add", layer, [sum, one], {}), product);
  }

  /** float32[N, in, h, w] → float32[N, out, h', w']; weight [out, in / groups, kh, kw]. */
  conv2d(x: Value, options: Conv2dOptions): Value {
    const layer = this.layerName("conv", options.name);
    const { outChannels, groups = 1 } = options;
    const channels = this.fixed(x.type.shape[1], layer, "the channel axis");
    if (!Number.isInteger(groups) || groups < 1 || channels % groups !== 0 || outChannels % groups !== 0) {
      throw this.invalid(
        layer,
        `${channels} channels in and ${outChannels} out do not split into ${groups} groups`,
      );
    }
    const kernel = pair(options.kernel);
    const perGroup = channels / groups;
    const drawn = kaimingUniform(perGroup * kernel[0] * kernel[1]);
    const weight = this.parameter(`${layer}.weight`, [outChannels, perGroup, ...kernel], drawn);
    const bias = options.bias === false ? [] : [this.parameter(`${layer}.bias`, [outChannels], drawn)];
    const window = {
      ...windowOf({ ...options, stride: options.stride ?? 1 }),
      dilations: pair(options.dilation ?? 1),
    };
    return this.node("Conv", layer, [x, weight, ...bias], { ...window, group: groups });
  }

  /** float32[N, c, h, w]; normalizes with the batch's statistics and keeps running ones. */
  batchNorm2d(x: Value, options: BatchNormOptions = {}): Value {
    const layer = this.layerName("norm", options.name);
    const { epsilon = 1e-5, momentum = 0.1 } = options;
    const channels = this.fixed(x.type.shape[1], layer, "the channel axis");
    const parameters = (
      [
        ["weight", 1],
        ["bias", 0],
        ["running_mean", 0],
        ["running_var", 1],
      ] as const
    ).map(([name, fill]) => this.parameter(`${layer}.${name}`, [channels], { fill }));
    const attributes = {
      epsilon: Math.fround(epsilon),
      momentum: Math.fround(1 - momentum),
      training_mode: 1,
    };
    const outputs = [`${layer}/out`, `${layer}.running_mean/next`, `${layer}.running_var/next`];
    return this.nodes("BatchNormalization", layer, [x, ...parameters], attributes, outputs)[0] ?? x;
  }

  /** Over the last axis. */
  layerNorm(x: Value, options: LayerOptions & { readonly epsilon?: number } = {}): Value {
    const layer = this.layerName("layerNorm", options.name);
    const width = this.fixed(x.type.shape.at(-1), layer, "the last axis");
    const weight = this.parameter(`${layer}.weight`, [width], { fill: 1 });
    const bias = this.parameter(`${layer}.bias`, [width], { fill: 0 });
    const epsilon = Math.fround(options.epsilon ?? 1e-5);
    return this.node("LayerNormalization", layer, [x, weight, bias], { axis: -1, epsilon, stash_type: 1 });
  }

  /** int64[…] → float32[…, width]; weight [count, width]. */
  embedding(
    indices: Value,
    options: LayerOptions & { readonly count: number; readonly width: number; readonly deviation?: number },
  ): Value {
    const layer = this.layerName("embedding", options.name);
    const { count, width, deviation = 1 } = options;
    const weight = this.parameter(`${layer}.weight`, [count, width], { deviation });
    return this.node("Gather", layer, [weight, indices], { axis: 0 });
  }

  maxPool2d(x: Value, options: Pool2dOptions): Value {
    const attributes = { ...windowOf(options), ceil_mode: 0, storage_order: 0 };
    return this.node("MaxPool", this.layerName("maxPool", options.name), [x], attributes);
  }

  averagePool2d(x: Value, options: Pool2dOptions): Value {
    const attributes = { ...windowOf(options), ceil_mode: 0, count_include_pad: 1 };
    return this.node("AveragePool", this.layerName("averagePool", options.name), [x], attributes);
  }

  /** float32[N, c, h, w] → float32[N, c] */
  globalAveragePool(x: Value, options: LayerOptions = {}): Value {
    const layer = this.layerName("globalAveragePool", options.name);
    const pooled = this.node("GlobalAveragePool", layer, [x], {});
    return this.node("Flatten", `${layer}/flat`, [pooled], { axis: 1 });
  }

  /** [N, …] → [N, all the rest] */
  flatten(x: Value, options: LayerOptions = {}): Value {
    return this.node("Flatten", this.layerName("flatten", options.name), [x], { axis: 1 });
  }

  /** Zeroes each element with chance `ratio` while training. */
  dropout(x: Value, options: LayerOptions & { readonly ratio: number }): Value {
    const layer = this.layerName("dropout", options.name);
    if (!(options.ratio >= 0 && options.ratio < 1))
      throw this.invalid(layer, `the ratio ${options.ratio} must be in [0, 1)`);
    const ratio = this.scalar(`${layer}/ratio`, options.ratio);
    const isTraining = this.constant(`${layer}/training`, {
      dtype: "bool",
      shape: [],
      data: Uint8Array.of(1),
    });
    return this.node("Dropout", layer, [x, ratio, isTraining], {});
  }

  relu(x: Value, options: LayerOptions = {}): Value {
    return this.node("Relu", this.layerName("relu", options.name), [x], {});
  }

  tanh(x: Value, options: LayerOptions = {}): Value {
    return this.node("Tanh", this.layerName("tanh", options.name), [x], {});
  }

  sigmoid(x: Value, options: LayerOptions = {}): Value {
    return this.node("Sigmoid", this.layerName("sigmoid", options.name), [x], {});
  }

  gelu(x: Value, options: LayerOptions & { readonly approximate?: "none" | "tanh" } = {}): Value {
    const { approximate = "none" } = options;
    return this.node("Gelu", this.layerName("gelu", options.name), [x], { approximate });
  }

  softmax(x: Value, options: LayerOptions & { readonly axis?: number } = {}): Value {
    return this.node("Softmax", this.layerName("softmax", options.name), [x], { axis: options.axis ?? -1 });
  }

  add(a: Value, b: Value, options: LayerOptions = {}): Value {
    return this.node("Add", this.layerName("add", options.name), [a, b], {});
  }

  mul(a: Value, b: Value, options: LayerOptions = {}): Value {
    return this.node("Mul", this.layerName("mul", options.name), [a, b], {});
  }

  matmul(a: Value, b: Value, options: LayerOptions = {}): Value {
    return this.node("MatMul", this.layerName("matmul", options.name), [a, b], {});
  }

  /** 0 keeps the axis at that place; -1 takes what is left. */
  reshape(x: Value, shape: readonly number[], options: LayerOptions = {}): Value {
    const layer = this.layerName("reshape", options.name);
    return this.node("Reshape", layer, [x, this.ints(`${layer}/shape`, shape)], { allowzero: 0 });
  }

  transpose(x: Value, perm: readonly number[], options: LayerOptions = {}): Value {
    return this.node("Transpose", this.layerName("transpose", options.name), [x], { perm });
  }

  concat(values: readonly Value[], options: LayerOptions & { readonly axis: number }): Value {
    return this.node("Concat", this.layerName("concat", options.name), values, { axis: options.axis });
  }
}

function pair(both: Pair): readonly [number, number] {
  return typeof both === "number" ? [both, both] : both;
}

function windowOf({ kernel, stride, padding = 0 }: Pool2dOptions) {
  const [top, left] = pair(padding);
  return {
    kernel_shape: pair(kernel),
    strides: pair(stride ?? kernel),
    dilations: [1, 1],
    pads: [top, left, top, left],
  };
}
