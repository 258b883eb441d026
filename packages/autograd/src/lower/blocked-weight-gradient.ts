/**
 * The weight gradient of a convolution by ONNX Runtime's convolution of blocks.
 *
 *   dw[m, c, k] = Σ over n and positions p of x[n, c, p·stride + k·dilation − pad] · dy[n, m, p]
 *
 * is a convolution itself: its images are the channels of x, its channels the images, its kernels the channels of dy, as
 * large as a picture. So nothing is copied for the taps of the kernel; strides and dilations change places.
 * One thread of a Zen 4 (b = 16), copies included: 64×32×14×14 to 64 channels 4.8 ms where shifted copies and a product
 * take 8.2; 32×16×32×32 to 16 channels 2.2 ms for 4.1.
 */
import { at } from "../rules/emitter.ts";
import type { Blocks } from "./blocks.ts";
import type { WeightGradient } from "./find-weight-gradient.ts";
import type { LoweredNode } from "./lowering.ts";

/**
 * Longer kernels leave the caches: at 64×64 positions still 88 GFLOP/s, at 128×128 it is 49, no better than copies and
 * a product.
 */
const POSITIONS_MAX = 64 * 64;

/** @returns false, with nothing emitted, where the kernels do not apply */
export function blockedWeightGradient(
  blocks: Blocks,
  root: LoweredNode,
  { x, dy, window }: WeightGradient,
  b: number,
): boolean {
  const [n, c, height, width] = fourOf(x.shape);
  const [, m, rows, columns] = fourOf(dy.shape);
  const [kernelHeight, kernelWidth] = twoOf(window.kernel_shape);
  if (n % b !== 0 || m % b !== 0 || rows * columns > POSITIONS_MAX) return false;
  // One output at a time leaves the kernel's registers empty: a product is faster.
  if (kernelWidth === 1) return false;
  const step = (what: string) => `${root.name}/${what}`;
  const [strideY, strideX] = twoOf(window.strides);
  const [dilationY, dilationX] = twoOf(window.dilations);
  // Both ends of an axis: what the last tap's last position reaches beyond x, or leaves of it (then below 0).
  const reach = (count: number, stride: number, taps: number, dilation: number) =>
    (count - 1) * stride + (taps - 1) * dilation + 1;
  const [top, left] = [at(window.pads, 0), at(window.pads, 1)];
  const bottom = reach(rows, strideY, kernelHeight, dilationY) - height - top;
  const right = reach(columns, strideX, kernelWidth, dilationX) - width - left;
  const [above, below] = [Math.min(top, 0), Math.min(bottom, 0)];
  // Windows in the margins alone.
  if (height + above + below < 1 || width + Math.min(left, 0) + Math.min(right, 0) < 1) return false;

  // [N, C·H·W] → [N/b, C, H·W·b] → [C, N/b, H·W·b]; then margins, W's being dear to leave to the convolution.
  const flat = blocks.reshape(x.name, step("flat"), [1, n, c, height * width]);
  const batches = blocks.reshape(blocks.toBlocks(flat, step("batches")), step("parts"), [
    n / b,
    c,
    height * width * b,
  ]);
  const images = n === b ? batches : blocks.transpose(batches, step("images"), [1, 0, 2]);
  const lines = blocks.reshape(images, step("lines"), [(c * n) / b, height, width, b]);
  const padded = [above, left, below, right].every((size) => size === 0)
    ? lines
    : blocks.pad(lines, step("padded"), [0, above, left, 0, 0, below, right, 0]);
  const picture = blocks.reshape(padded, step("picture"), [
    c,
    n,
    height + above + below,
    width + left + right,
  ]);

  // [N/b, b of N, M/b, positions, b of M] → [M/b, N/b, positions, b of N, b of M]
  const split = blocks.reshape(blocks.picture(dy.name), step("upstream"), [
    n / b,
    b,
    m / b,
    rows * columns,
    b,
  ]);
  const turned = blocks.transpose(split, step("turned"), [2, 0, 3, 1, 4]);
  const kernels = blocks.reshape(turned, step("kernels"), [m, n, rows, columns]);

  blocks.foreign("Conv", step("product"), [picture, kernels], step("product"), {
    kernel_shape: [rows, columns],
    strides: [dilationY, dilationX],
    dilations: [strideY, strideX],
    pads: [Math.max(top, 0), 0, Math.max(bottom, 0), 0],
    group: 1,
  });
  // [C, M/b, taps·b] → [M/b, C, taps·b] → [M/b, b, C·taps]: long pieces, then one axis; at once it is many times slower.
  const taps = kernelHeight * kernelWidth;
  const product = blocks.reshape(step("product"), step("pieces"), [c, m / b, taps * b]);
  const front = m === b ? product : blocks.transpose(product, step("front"), [1, 0, 2]);
  const flatFront = blocks.reshape(front, step("taps"), [m / b, c * taps, b]);
  const maps = blocks.transpose(flatFront, step("maps"), [0, 2, 1]);
  blocks.reshape(maps, at(root.outputs, 0), [m, c, kernelHeight, kernelWidth]);
  return true;
}

function fourOf(shape: readonly number[]): readonly [number, number, number, number] {
  return [at(shape, 0), at(shape, 1), at(shape, 2), at(shape, 3)];
}

function twoOf(sizes: readonly number[]): readonly [number, number] {
  return [at(sizes, 0), at(sizes, 1)];
}
