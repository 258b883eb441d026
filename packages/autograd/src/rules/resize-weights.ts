/**
 * One axis of a Resize as a matrix: row o holds the weights of the inputs in output o.
 *
 * Positions are float32, as ONNX Runtime has them: between two neighbours the rounding decides.
 * SOURCE: ONNX Resize-19; the antialiased filter is Pillow's, as ONNX Runtime has it
 */
import type { OpAttributes } from "../graph/ops.ts";
import { range } from "./emitter.ts";

type Attributes = OpAttributes["Resize"];
type CoordinateMode = Attributes["coordinate_transformation_mode"];

/** Its sizes, how many outputs there are for an input, and which part of it is looked at. */
export interface ResizedAxis {
  readonly from: number;
  readonly to: number;
  readonly scale: number;
  readonly roi: readonly [start: number, end: number];
}

/** f32[to, from] */
export function resizeWeights(attributes: Attributes, axis: ResizedAxis): readonly (readonly number[])[] {
  const isCropping = attributes.coordinate_transformation_mode === "tf_crop_and_resize";
  return range(axis.to).map((o) => {
    const position = SOURCE[attributes.coordinate_transformation_mode](o, axis);
    const row = new Array<number>(axis.from).fill(0);
    // Beyond the input stands a number of its own.
    if (isCropping && (position < 0 || position > axis.from - 1)) return row;
    for (const [at, weight] of tapsOf(attributes, axis, position)) {
      const inside = Math.min(Math.max(at, 0), axis.from - 1);
      row[inside] = (row[inside] ?? 0) + weight;
    }
    return row;
  });
}

type Tap = readonly [at: number, weight: number];

function tapsOf(attributes: Attributes, axis: ResizedAxis, position: number): readonly Tap[] {
  const { mode, antialias, exclude_outside, cubic_coeff_a: a } = attributes;
  if (mode === "nearest") return [[NEAREST[attributes.nearest_mode](position), 1]];
  const filter = mode === "linear" ? { reach: 1, weightOf: triangle } : { reach: 2, weightOf: keys(a) };
  // Shrinking widens an antialiased filter, so that every input counts.
  const widening = antialias === 0 ? 1 : Math.max(1, 1 / axis.scale);
  const half = filter.reach * widening;
  const first = Math.ceil(position - half);
  const around = range(Math.floor(position + half) - first + 1, first).map((at): Tap => {
    return [at, filter.weightOf(Math.abs(at - position) / widening)];
  });
  const isInside = ([at]: Tap) => at >= 0 && at < axis.from;
  const counted = exclude_outside === 0 ? around : around.filter(isInside);
  if (antialias === 0 && exclude_outside === 0) return counted;
  const total = counted.reduce((sum, [, weight]) => sum + weight, 0);
  return counted.map(([at, weight]) => [at, weight / total]);
}

function triangle(distance: number): number {
  return Math.max(0, 1 - distance);
}

/** Keys' cubic convolution with free parameter a. */
function keys(a: number): (distance: number) => number {
  return (d) => {
    if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
    return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
  };
}

const f = Math.fround;

/** Where an output lies among the inputs. */
const SOURCE: { readonly [M in CoordinateMode]: (o: number, axis: ResizedAxis) => number } = {
  half_pixel: (o, { scale }) => f(f(f(o + 0.5) / scale) - 0.5),
  half_pixel_symmetric: (o, { from, to, scale }) => {
    const adjustment = f(to / f(scale * from));
    const offset = f((from / 2) * (1 - adjustment));
    return f(f(offset + f(f(o + 0.5) / scale)) - 0.5);
  },
  pytorch_half_pixel: (o, { to, scale }) => (to > 1 ? f(f(f(o + 0.5) / scale) - 0.5) : 0),
  align_corners: (o, { from, to }) => (to > 1 ? f(f(o * (from - 1)) / (to - 1)) : 0),
  asymmetric: (o, { scale }) => f(o / scale),
  tf_crop_and_resize: (o, { from, to, roi: [start, end] }) =>
    to > 1
      ? f(f(start * (from - 1)) + f(f(o * f(f(end - start) * (from - 1))) / (to - 1)))
      : f(f(0.5 * f(start + end)) * (from - 1)),
};

const NEAREST: { readonly [M in Attributes["nearest_mode"]]: (position: number) => number } = {
  round_prefer_floor: (position) => Math.ceil(position - 0.5),
  round_prefer_ceil: (position) => Math.floor(position + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};
