/**
 * Pools to a given size, whatever comes in: window i of `out` reaches from ⌊i·in/out⌋ to ⌈(i+1)·in/out⌉.
 *
 * One axis after another, which is the same: a mean over a box is the mean of its rows' means, and so the largest.
 */
import type { GraphBuilder, Value } from "../graph-builder.ts";
import { channelsOf, type LayerOptions, type Sizes, sizesOf } from "./options.ts";

export interface AdaptivePoolOptions extends LayerOptions {
  /** Of the output, one number for each spatial axis or one for all. */
  readonly size: Sizes;
}

/** float32[N, C, length] → float32[N, C, size] */
export function adaptiveAveragePool1d(b: GraphBuilder, x: Value, options: AdaptivePoolOptions): Value {
  return adaptive(b, x, options, 1, meansAlong);
}

/** float32[N, C, height, width] → float32[N, C, …size] */
export function adaptiveAveragePool2d(b: GraphBuilder, x: Value, options: AdaptivePoolOptions): Value {
  return adaptive(b, x, options, 2, meansAlong);
}

/** float32[N, C, length] → float32[N, C, size] */
export function adaptiveMaxPool1d(b: GraphBuilder, x: Value, options: AdaptivePoolOptions): Value {
  return adaptive(b, x, options, 1, largestAlong);
}

/** float32[N, C, height, width] → float32[N, C, …size] */
export function adaptiveMaxPool2d(b: GraphBuilder, x: Value, options: AdaptivePoolOptions): Value {
  return adaptive(b, x, options, 2, largestAlong);
}

type PoolAlong = (b: GraphBuilder, name: string, x: Value, axis: Axis) => Value;

interface Axis {
  readonly at: number;
  readonly windows: readonly (readonly [from: number, to: number])[];
  readonly length: number;
}

function adaptive(
  b: GraphBuilder,
  x: Value,
  options: AdaptivePoolOptions,
  rank: number,
  along: PoolAlong,
): Value {
  const layer = b.layerName("adaptivePool", options.name);
  channelsOf(b, layer, x, rank + 2, rank === 1 ? "[N, C, length]" : "[N, C, height, width]");
  const sizes = sizesOf(b, layer, "size", options.size, rank);
  return sizes.reduce((pooled, size, i) => {
    const length = b.fixed(x.type.shape[i + 2], layer, `spatial axis ${i}`);
    if (!Number.isInteger(size) || size < 1 || size > length) {
      throw b.invalid(layer, `${length} along spatial axis ${i} pool to 1 to ${length}, not to ${size}`);
    }
    const windows = Array.from({ length: size }, (_, at) => {
      return [Math.floor((at * length) / size), Math.ceil(((at + 1) * length) / size)] as const;
    });
    return along(b, `${layer}/axis${i}`, pooled, { at: i + 2, windows, length });
  }, x);
}

/** A product with the matrix of the means: [length, size], or from the left where the axis is not the last. */
function meansAlong(b: GraphBuilder, name: string, x: Value, { at, windows, length }: Axis): Value {
  const isLast = at === x.type.shape.length - 1;
  const shape = isLast ? [length, windows.length] : [windows.length, length];
  const data = Float32Array.from({ length: length * windows.length }, (_, flat) => {
    const [row, column] = [Math.floor(flat / (shape[1] ?? 1)), flat % (shape[1] ?? 1)];
    const [place, window] = isLast ? [row, column] : [column, row];
    const [from, to] = windows[window] ?? [0, 1];
    return place >= from && place < to ? 1 / (to - from) : 0;
  });
  const means = b.constant(`${name}/means`, { dtype: "float32", shape, data });
  return b.node("MatMul", name, isLast ? [x, means] : [means, x], {});
}

/** Each window's places side by side on an axis of their own; a shorter one repeats its last. */
function largestAlong(b: GraphBuilder, name: string, x: Value, { at, windows }: Axis): Value {
  const widest = Math.max(...windows.map(([from, to]) => to - from));
  const places = windows.flatMap(([from, to]) =>
    Array.from({ length: widest }, (_, i) => BigInt(Math.min(from + i, to - 1))),
  );
  const shape = [windows.length, widest];
  const indices = b.constant(`${name}/places`, { dtype: "int64", shape, data: BigInt64Array.from(places) });
  const gathered = b.node("Gather", `${name}/windows`, [x, indices], { axis: at });
  const axes = b.ints(`${name}/axes`, [at + 1]);
  return b.node("ReduceMax", name, [gathered, axes], { keepdims: 0, noop_with_empty_axes: 0 });
}
