/** What LRN divides by, shared by its gradient and its composition. */
import type { OpAttributes } from "../graph/ops.ts";
import { at, type Emitter, sizeOf, type Value } from "./emitter.ts";

/** k + α/n · Σ x² over the n channels around each */
export function lrnBase(emit: Emitter, x: Value, { alpha, bias, size }: OpAttributes["LRN"]): Value {
  const squares = channelWindowSum(emit, emit.square(x), size, Math.floor((size - 1) / 2));
  return emit.shift(emit.scale(squares, alpha / size), bias);
}

/** Of [N, C, …], each channel with `begin` channels before it, `size` in all: a mean over a window of a plane. */
export function channelWindowSum(emit: Emitter, x: Value, size: number, begin: number): Value {
  const [n, channels] = [at(x.shape, 0), at(x.shape, 1)];
  const plane = emit.reshape(x, [n, 1, channels, sizeOf(x.shape.slice(2))]);
  const window = {
    kernel_shape: [size, 1],
    strides: [1, 1],
    dilations: [1, 1],
    pads: [begin, 0, size - 1 - begin, 0],
    ceil_mode: 0,
    count_include_pad: 1,
  };
  const mean = emit.node("AveragePool", [plane], window, x.dtype, plane.shape);
  return emit.reshape(emit.scale(mean, size), x.shape);
}
