/**
 * Blocks of networks for images.
 *
 * SOURCE: He et al., "Deep Residual Learning", 2015 (names as torchvision's BasicBlock); Ronneberger et al., "U-Net", 2015.
 */
import type { GraphBuilder, Value } from "../graph-builder.ts";
import { type ActivationName, activation } from "./activation.ts";
import { conv2d, convTranspose2d } from "./convolution.ts";
import { batchNorm2d, groupNorm } from "./normalization.ts";
import { channelsOf, type LayerOptions } from "./options.ts";
import { maxPool2d } from "./pooling.ts";
import { upsample } from "./resize.ts";

export interface BasicBlockOptions extends LayerOptions {
  readonly outChannels: number;
  readonly stride?: number;
}

/** Two 3 × 3 convolutions with batch norm, and what came in added; `downsample.*` brings that to size. */
export function basicBlock(b: GraphBuilder, x: Value, options: BasicBlockOptions): Value {
  const layer = b.layerName("block", options.name);
  const { outChannels, stride = 1 } = options;
  const channels = channelsOf(b, layer, x, 4, "[N, C, height, width]");
  const window = { outChannels, kernel: 3, padding: 1, bias: false };
  const first = conv2d(b, x, { ...window, stride, name: `${layer}.conv1` });
  const normed = batchNorm2d(b, first, { name: `${layer}.bn1` });
  const active = b.node("Relu", `${layer}/relu1`, [normed], {});
  const second = conv2d(b, active, { ...window, name: `${layer}.conv2` });
  const made = batchNorm2d(b, second, { name: `${layer}.bn2` });
  const sum = b.node("Add", `${layer}/sum`, [made, shortcut()], {});
  return b.node("Relu", layer, [sum], {});

  function shortcut(): Value {
    if (channels === outChannels && stride === 1) return x;
    const one = { outChannels, kernel: 1, stride, bias: false, name: `${layer}.downsample.0` };
    return batchNorm2d(b, conv2d(b, x, one), { name: `${layer}.downsample.1` });
  }
}

export interface DoubleConvOptions extends LayerOptions {
  readonly outChannels: number;
  readonly activation?: ActivationName;
  /** Group norm with so many groups in place of batch norm: for small batches. */
  readonly groups?: number;
}

/** Convolution, norm, activation, twice, at the same size: parameters `<layer>.conv1`, `.norm1`, `.conv2`, `.norm2`. */
export function doubleConv(b: GraphBuilder, x: Value, options: DoubleConvOptions): Value {
  const layer = b.layerName("doubleConv", options.name);
  const { outChannels, groups } = options;
  return [1, 2].reduce((y, i) => {
    const conv = conv2d(b, y, {
      name: `${layer}.conv${i}`,
      outChannels,
      kernel: 3,
      padding: 1,
      bias: false,
    });
    const name = `${layer}.norm${i}`;
    const normed =
      groups === undefined ? batchNorm2d(b, conv, { name }) : groupNorm(b, conv, { name, groups });
    return activation(b, normed, options.activation ?? "relu", { name: `${layer}/activation${i}` });
  }, x);
}

export interface UNetOptions extends LayerOptions {
  /** Of each level, from the largest image to the smallest. */
  readonly channels: readonly number[];
  readonly outChannels: number;
  readonly activation?: ActivationName;
  readonly groups?: number;
  /** How images grow again: a transposed convolution unless given. */
  readonly up?: "transpose" | "nearest" | "bilinear";
}

/** float32[N, C, h, w] → float32[N, outChannels, h, w]; h and w divide by 2 for every level but one. */
export function unet(b: GraphBuilder, x: Value, options: UNetOptions): Value {
  const layer = b.layerName("unet", options.name);
  const { channels, outChannels, up = "transpose", name: _, ...double } = options;
  const halvings = 2 ** (channels.length - 1);
  for (const axis of [2, 3]) {
    const size = b.fixed(x.type.shape[axis], layer, "height and width");
    if (channels.length > 0 && size % halvings === 0) continue;
    const why = `${channels.length} levels take a height and width that divide by ${halvings}, not ${size}`;
    throw b.invalid(layer, `${why}: pad the images, or take fewer levels`);
  }
  const skips: Value[] = [];
  let y = x;
  for (const [level, width] of channels.entries()) {
    const smaller = level === 0 ? y : maxPool2d(b, y, { name: `${layer}/pool${level}`, kernel: 2 });
    y = doubleConv(b, smaller, { ...double, outChannels: width, name: `${layer}.down.${level}` });
    skips.push(y);
  }
  for (let level = channels.length - 2; level >= 0; level--) {
    const width = channels[level] ?? 1;
    const name = `${layer}.up.${level}`;
    const larger =
      up === "transpose"
        ? convTranspose2d(b, y, { name, outChannels: width, kernel: 2, stride: 2 })
        : upsample(b, y, { name, factor: 2, mode: up });
    const joined = b.node("Concat", `${layer}/skip${level}`, [skips[level] ?? y, larger], { axis: 1 });
    y = doubleConv(b, joined, { ...double, outChannels: width, name: `${layer}.merge.${level}` });
  }
  return conv2d(b, y, { name: `${layer}.out`, outChannels, kernel: 1 });
}
