/** Resize: every element a weighted sum of its neighbours, axis by axis. */
import { commonScale } from "../graph/aspect-ratio.ts";
import type { OpAttributes } from "../graph/ops.ts";
import type { Step } from "./step.ts";
import { groupsAlong, indexOf, isReals, type Reals, type ReferenceValue, reals, take } from "./value.ts";

interface Tap {
  readonly at: number;
  readonly weight: number;
}

type Settings = OpAttributes["Resize"];

interface Axis {
  readonly size: number;
  readonly length: number;
  readonly scale: number;
  /** The part that tf_crop_and_resize looks at. */
  readonly start: number;
  readonly end: number;
}

export function resize(step: Step<"Resize">): readonly ReferenceValue[] {
  const settings = step.attributes;
  const shape = step.shape();
  const axes = (settings.axes ?? shape.map((_, axis) => axis)).map((axis) => step.axis(axis));
  const scales = step.has(2) && !step.has(3) ? step.numbers(2) : undefined;
  const isCropping = settings.coordinate_transformation_mode === "tf_crop_and_resize";
  const roi = isCropping ? step.numbers(1) : [];
  let x = step.x();
  const common = commonScaleOf(step, axes);
  let beyond: ((index: readonly number[]) => boolean) | undefined;
  axes.forEach((axis, i) => {
    const [size, length] = [x.shape[axis]!, shape[axis]!];
    const scale = Math.fround(scales?.[i] ?? common ?? length / size);
    const whole: Axis = { size, length, scale, start: roi[i] ?? 0, end: roi[i + axes.length] ?? 1 };
    // ONNX Runtime leaves an axis alone whose scale is 1, and does not crop it either.
    if (scale === 1) return;
    if (isCropping) {
      const before = beyond;
      const isOutside = Array.from({ length }, (_, at) => {
        const place = coordinateOf(at, whole, settings.coordinate_transformation_mode);
        return place < 0 || place > size - 1;
      });
      beyond = (index) => (before?.(index) ?? false) || isOutside[index[axis]!]!;
    }
    x = along(x, axis, length, (at) => tapsOf(at, whole, settings));
  });
  if (beyond === undefined || !isReals(x)) return [x];
  const { dtype, data } = x;
  return [
    reals(dtype, shape, (flat) =>
      beyond?.(indexOf(flat, shape)) ? settings.extrapolation_value : data[flat]!,
    ),
  ];
}

function commonScaleOf(step: Step<"Resize">, axes: readonly number[]): number | undefined {
  const policy = step.attributes.keep_aspect_ratio_policy;
  if (policy === "stretch" || !step.has(3)) return undefined;
  const from = axes.map((axis) => step.x().shape[axis]);
  return commonScale(policy, from, step.numbers(3));
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
  if (settings.antialias !== 0 && settings.mode !== "nearest") return antialiased(x, axis, settings);
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
  { size, length, scale, start, end }: Axis,
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
    case "tf_crop_and_resize":
      if (length === 1) return f(f(0.5 * f(start + end)) * (size - 1));
      return f(f(start * (size - 1)) + f(f(at * f(f(end - start) * (size - 1))) / (length - 1)));
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

/**
 * Every input within reach counts, the reach as wide as shrinking asks for; weights add up to 1.
 * SOURCE: ONNX Resize-18, antialias
 */
function antialiased(x: number, { size, scale }: Axis, settings: Settings): Tap[] {
  const stretch = Math.max(1, 1 / scale);
  const [reach, weightOf] =
    settings.mode === "linear"
      ? [stretch, (distance: number) => Math.max(0, 1 - Math.abs(distance))]
      : [2 * stretch, (distance: number) => cubicWeight(distance, settings.cubic_coeff_a)];
  const taps: Tap[] = [];
  for (let at = Math.floor(x - reach) + 1; at <= Math.floor(x + reach); at++) {
    const isOutside = at < 0 || at >= size;
    if (isOutside && settings.exclude_outside !== 0) continue;
    taps.push({ at: Math.max(0, Math.min(size - 1, at)), weight: weightOf((x - at) / stretch) });
  }
  const total = taps.reduce((sum, { weight }) => sum + weight, 0);
  return taps.map(({ at, weight }) => ({ at, weight: weight / total }));
}

/** Keys' cubic convolution with free parameter a. SOURCE: ONNX Resize, cubic_coeff_a */
function cubicWeight(distance: number, a: number): number {
  const d = Math.abs(distance);
  if (d <= 1) return (a + 2) * d ** 3 - (a + 3) * d ** 2 + 1;
  return d < 2 ? a * d ** 3 - 5 * a * d ** 2 + 8 * a * d - 4 * a : 0;
}

function cubic(x: number, size: number, { cubic_coeff_a: a, exclude_outside: excludes }: Settings): Tap[] {
  const low = Math.floor(x);
  const taps = [low - 1, low, low + 1, low + 2].map((at): Tap => {
    const isOutside = at < 0 || at >= size;
    return {
      at: Math.max(0, Math.min(size - 1, at)),
      weight: isOutside && excludes !== 0 ? 0 : cubicWeight(x - at, a),
    };
  });
  const total = excludes === 0 ? 1 : taps.reduce((sum, { weight }) => sum + weight, 0);
  return taps.map(({ at, weight }) => ({ at, weight: weight / total }));
}
