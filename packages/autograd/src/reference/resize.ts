/** Resize: every element a weighted sum of its neighbours, axis by axis. */
import type { OpAttributes } from "../graph/ops.ts";
import type { Step } from "./step.ts";
import { groupsAlong, isReals, type Reals, type ReferenceValue, reals, take } from "./value.ts";

interface Tap {
  readonly at: number;
  readonly weight: number;
}

type Settings = OpAttributes["Resize"];

interface Axis {
  readonly size: number;
  readonly length: number;
  readonly scale: number;
}

export function resize(step: Step<"Resize">): readonly ReferenceValue[] {
  const settings = step.attributes;
  if (settings.antialias !== 0) throw step.refuse("antialias is not known here");
  const shape = step.shape();
  const axes = (settings.axes ?? shape.map((_, axis) => axis)).map((axis) => step.axis(axis));
  const scales = step.has(2) && !step.has(3) ? step.numbers(2) : undefined;
  let x = step.x();
  axes.forEach((axis, i) => {
    const [size, length] = [x.shape[axis]!, shape[axis]!];
    const scale = Math.fround(scales?.[i] ?? length / size);
    if (scale !== 1) x = along(x, axis, length, (at) => tapsOf(at, { size, length, scale }, settings));
  });
  return [x];
}

function along(x: ReferenceValue, axis: number, length: number, taps: (at: number) => Tap[]): ReferenceValue {
  const shape = x.shape.with(axis, length);
  const lines = groupsAlong(x.shape, [axis]);
  const places = new Map(
    groupsAlong(shape, [axis]).flatMap((line, l) => line.map((flat, at) => [flat, { l, at }])),
  );
  const weighted = Array.from({ length }, (_, at) => taps(at));
  if (isReals(x))
    return resized(
      x,
      shape,
      (flat) => weighted[places.get(flat)!.at]!,
      (flat) => lines[places.get(flat)!.l]!,
    );
  return take(x, shape, (flat) => lines[places.get(flat)!.l]![weighted[places.get(flat)!.at]![0]!.at]!);
}

function resized(
  x: Reals,
  shape: readonly number[],
  tapsAt: (flat: number) => readonly Tap[],
  lineAt: (flat: number) => readonly number[],
): Reals {
  return reals(x.dtype, shape, (flat) =>
    tapsAt(flat).reduce((sum, { at, weight }) => sum + weight * x.data[lineAt(flat)[at]!]!, 0),
  );
}

function tapsOf(at: number, axis: Axis, settings: Settings): Tap[] {
  const x = coordinateOf(at, axis, settings.coordinate_transformation_mode);
  const clamp = (place: number) => Math.max(0, Math.min(axis.size - 1, place));
  switch (settings.mode) {
    case "nearest":
      return [{ at: clamp(nearest(x, settings.nearest_mode)), weight: 1 }];
    case "linear": {
      const inside = clamp(x);
      const low = Math.floor(inside);
      return [
        { at: low, weight: 1 - (inside - low) },
        { at: clamp(low + 1), weight: inside - low },
      ];
    }
    case "cubic":
      return cubic(x, axis.size, settings);
  }
}

/**
 * Where the output element lies on the input axis. In float32, as ONNX Runtime has it: between two neighbours the
 * rounding decides.
 */
function coordinateOf(
  at: number,
  { size, length, scale }: Axis,
  mode: Settings["coordinate_transformation_mode"],
): number {
  const f = Math.fround;
  switch (mode) {
    case "half_pixel":
      return f(f(f(at + 0.5) / scale) - 0.5);
    case "pytorch_half_pixel":
      return length > 1 ? f(f(f(at + 0.5) / scale) - 0.5) : 0;
    case "asymmetric":
      return f(at / scale);
    case "align_corners":
      return length === 1 ? 0 : f(f(at * (size - 1)) / (length - 1));
    case "half_pixel_symmetric": {
      const adjustment = f(length / f(scale * size));
      const offset = f((size / 2) * (1 - adjustment));
      return f(f(offset + f(f(at + 0.5) / scale)) - 0.5);
    }
  }
}

function nearest(x: number, mode: Settings["nearest_mode"]): number {
  switch (mode) {
    case "round_prefer_floor":
      return Math.ceil(x - 0.5);
    case "round_prefer_ceil":
      return Math.floor(x + 0.5);
    case "floor":
      return Math.floor(x);
    case "ceil":
      return Math.ceil(x);
  }
}

/** Keys' cubic convolution with free parameter a. SOURCE: ONNX Resize, cubic_coeff_a */
function cubic(x: number, size: number, { cubic_coeff_a: a, exclude_outside: excludes }: Settings): Tap[] {
  const low = Math.floor(x);
  const weightOf = (distance: number): number => {
    const d = Math.abs(distance);
    if (d <= 1) return (a + 2) * d ** 3 - (a + 3) * d ** 2 + 1;
    return d < 2 ? a * d ** 3 - 5 * a * d ** 2 + 8 * a * d - 4 * a : 0;
  };
  const taps = [low - 1, low, low + 1, low + 2].map((at): Tap => {
    const isOutside = at < 0 || at >= size;
    return {
      at: Math.max(0, Math.min(size - 1, at)),
      weight: isOutside && excludes !== 0 ? 0 : weightOf(x - at),
    };
  });
  const total = excludes === 0 ? 1 : taps.reduce((sum, { weight }) => sum + weight, 0);
  return taps.map(({ at, weight }) => ({ at, weight: weight / total }));
}
