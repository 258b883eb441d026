/** Convolutions and pools over any number of spatial axes. */
import type { ConvolutionAttributes } from "../graph/ops/convolution.ts";
import type { PoolingAttributes } from "../graph/ops/pooling.ts";
import type { Window } from "../graph/ops/spec.ts";
import type { Evaluations, Step } from "./step.ts";
import {
  flatOf,
  groupsAlong,
  indexOf,
  type Reals,
  type ReferenceValue,
  reals,
  sizeOf,
  wholes,
} from "./value.ts";

/** Where the taps of a window lie. */
interface Taps {
  readonly count: number;
  /** By position · count + tap: the place among the positions inside, −1 in the padding, −2 beyond it. */
  readonly places: Int32Array;
}

const IN_PADDING = -1;
const BEYOND_PADDING = -2;

/** For windows that start at each position of `outer`: tap t of position p lies at p·stride − begin + t·dilation. */
function tapsOf(window: Window, outer: readonly number[], inner: readonly number[]): Taps {
  const { kernel_shape: kernel, strides, dilations, pads } = window;
  const count = sizeOf(kernel);
  const places = new Int32Array(sizeOf(outer) * count);
  for (let position = 0; position < sizeOf(outer); position++) {
    const start = indexOf(position, outer);
    for (let tap = 0; tap < count; tap++) {
      const at = indexOf(tap, kernel).map((t, i) => start[i]! * strides[i]! - pads[i]! + t * dilations[i]!);
      const isInside = at.every((x, i) => x >= 0 && x < inner[i]!);
      const isPadding = at.every((x, i) => x < inner[i]! + pads[i + inner.length]!);
      places[position * count + tap] = isInside ? flatOf(at, inner) : isPadding ? IN_PADDING : BEYOND_PADDING;
    }
  }
  return { count, places };
}

export const windowEvaluations: Evaluations<keyof ConvolutionAttributes | keyof PoolingAttributes> = {
  Conv: convolution,
  ConvTranspose: transposedConvolution,
  MaxPool: (step) => {
    const { dtype, shape, data } = step.reals();
    const inner = shape.slice(2);
    const best = pooled(step, ({ places }) => {
      const inside = places.filter((place) => place.tap >= 0);
      return inside.reduce((a, b) => (data[b.at]! > data[a.at]! ? b : a)).at;
    });
    const size = sizeOf(inner);
    const reversed = inner.toReversed();
    const isColumnMajor = step.attributes.storage_order !== 0;
    const numbered = (at: number): number =>
      isColumnMajor ? at - (at % size) + flatOf(indexOf(at % size, inner).toReversed(), reversed) : at;
    return [
      reals(dtype, step.shape(), (i) => data[best[i]!]!),
      wholes("int64", step.shape(), (i) => BigInt(numbered(best[i]!))),
    ];
  },
  AveragePool: (step) => {
    const { dtype, data } = step.reals();
    const isPadCounted = step.attributes.count_include_pad !== 0;
    const means = pooled(step, ({ places }) => {
      const inside = places.filter((place) => place.tap >= 0);
      const counted = isPadCounted ? places.filter((place) => place.tap !== BEYOND_PADDING) : inside;
      return inside.reduce((sum, { at }) => sum + data[at]!, 0) / counted.length;
    });
    return [reals(dtype, step.shape(), (i) => means[i]!)];
  },
  LpPool: (step) => {
    const { dtype, data } = step.reals();
    const { p } = step.attributes;
    const norms = pooled(step, ({ places }) => {
      const inside = places.filter((place) => place.tap >= 0);
      return inside.reduce((sum, { at }) => sum + Math.abs(data[at]!) ** p, 0) ** (1 / p);
    });
    return [reals(dtype, step.shape(), (i) => norms[i]!)];
  },
  MaxUnpool: (step) => {
    const { dtype, data } = step.reals();
    const y = new Float64Array(sizeOf(step.shape()));
    step.numbers(1).forEach((place, i) => {
      y[step.placeFromStart(place, y.length)] = data[i]!;
    });
    return [{ dtype, shape: step.shape(), data: y }];
  },
  GlobalLpPool: (step) => {
    const { p } = step.attributes;
    return global(step, (xs) => xs.reduce((sum, x) => sum + Math.abs(x) ** p, 0) ** (1 / p));
  },
  GlobalAveragePool: (step) => global(step, (xs) => xs.reduce((a, b) => a + b, 0) / xs.length),
  GlobalMaxPool: (step) => global(step, (xs) => xs.reduce((a, b) => Math.max(a, b))),
};

function global(step: Step, of: (xs: readonly number[]) => number): readonly ReferenceValue[] {
  const { dtype, shape, data } = step.reals();
  const groups = groupsAlong(shape, shape.map((_, axis) => axis).slice(2));
  return [reals(dtype, step.shape(), (i) => of(groups[i]!.map((at) => data[at]!)))];
}

interface PoolWindow {
  /** tap: as in Taps; at: the place in the whole input. */
  readonly places: readonly { readonly tap: number; readonly at: number }[];
}

function pooled(
  step: Step<"MaxPool" | "AveragePool" | "LpPool">,
  of: (window: PoolWindow) => number,
): number[] {
  const { shape } = step.x();
  const [outer, inner] = [step.shape().slice(2), shape.slice(2)];
  const { count, places } = tapsOf(step.attributes, outer, inner);
  return Array.from({ length: sizeOf(step.shape()) }, (_, flat) => {
    const position = flat % sizeOf(outer);
    const plane = Math.trunc(flat / sizeOf(outer)) * sizeOf(inner);
    const window = places.subarray(position * count, (position + 1) * count);
    return of({ places: Array.from(window, (tap) => ({ tap, at: plane + tap })) });
  });
}

function convolution(step: Step<"Conv">): readonly ReferenceValue[] {
  const [x, w, shape] = [step.reals(0), step.reals(1), step.shape()];
  const [features, perGroup] = [w.shape[0]!, w.shape[1]!];
  const [outer, inner] = [sizeOf(shape.slice(2)), sizeOf(x.shape.slice(2))];
  const { count, places } = tapsOf(step.attributes, shape.slice(2), x.shape.slice(2));
  const y = startOf(step, x, outer, features);
  const featuresPerGroup = features / step.attributes.group;
  for (let flat = 0; flat < y.length; flat++) {
    const position = flat % outer;
    const feature = Math.trunc(flat / outer) % features;
    const row = Math.trunc(flat / (outer * features));
    const channel = Math.trunc(feature / featuresPerGroup) * perGroup;
    for (let c = 0; c < perGroup; c++) {
      const plane = (row * x.shape[1]! + channel + c) * inner;
      const kernel = (feature * perGroup + c) * count;
      for (let tap = 0; tap < count; tap++) {
        const at = places[position * count + tap]!;
        if (at >= 0) y[flat]! += x.data[plane + at]! * w.data[kernel + tap]!;
      }
    }
  }
  return [{ dtype: x.dtype, shape, data: y }];
}

function transposedConvolution(step: Step<"ConvTranspose">): readonly ReferenceValue[] {
  const [x, w, shape] = [step.reals(0), step.reals(1), step.shape()];
  const [channels, perGroup] = [w.shape[0]!, w.shape[1]!];
  const features = perGroup * step.attributes.group;
  const [outer, inner] = [sizeOf(x.shape.slice(2)), sizeOf(shape.slice(2))];
  const { count, places } = tapsOf(step.attributes, x.shape.slice(2), shape.slice(2));
  const y = startOf(step, x, inner, features);
  const channelsPerGroup = channels / step.attributes.group;
  for (let flat = 0; flat < x.data.length; flat++) {
    const position = flat % outer;
    const channel = Math.trunc(flat / outer) % channels;
    const row = Math.trunc(flat / (outer * channels));
    const feature = Math.trunc(channel / channelsPerGroup) * perGroup;
    for (let f = 0; f < perGroup; f++) {
      const plane = (row * features + feature + f) * inner;
      const kernel = (channel * perGroup + f) * count;
      for (let tap = 0; tap < count; tap++) {
        const at = places[position * count + tap]!;
        if (at >= 0) y[plane + at]! += x.data[flat]! * w.data[kernel + tap]!;
      }
    }
  }
  return [{ dtype: x.dtype, shape, data: y }];
}

/** The bias at every position. */
function startOf(step: Step, x: Reals, positions: number, features: number): Float64Array {
  const bias = step.has(2) ? step.reals(2).data : new Float64Array(features);
  const make = (flat: number): number => bias[Math.trunc(flat / positions) % features]!;
  return reals(x.dtype, step.shape(), make).data;
}
