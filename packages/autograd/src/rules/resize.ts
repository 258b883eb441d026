/** The backward rule of Resize: each axis is a matrix, so its transpose carries the gradient back. */
import { commonScale } from "../graph/aspect-ratio.ts";
import type { OpAttributes } from "../graph/ops.ts";
import { at, axisOf, type Emitter, range, sizeOf, type Value } from "./emitter.ts";
import { type ResizedAxis, resizeWeights } from "./resize-weights.ts";
import type { RuleContext } from "./rule.ts";

type Attributes = OpAttributes["Resize"];

/** Nearest by whole factors repeats elements, so the repeats are summed: one pass in place of products. */
export function resizeBackward(context: RuleContext<"Resize">): Value {
  const { emit, attributes, x, dy } = context;
  if (sizeOf(dy().shape) === 0) return emit.zeros(x().dtype, x().shape);
  const axes = resizedAxes(context);
  if (isRepeat(attributes) && axes.every(({ scale }) => Number.isInteger(scale))) return sumRepeats(context);
  return axes.reduce((gradient, axis, i) => {
    // ONNX Runtime leaves an axis alone whose scale is 1, and does not crop it either.
    if (axis.from === axis.to && axis.scale === 1) return gradient;
    emit.assertMakes(axis.from * axis.to);
    return applyAlong(emit, gradient, i, resizeWeights(attributes, axis));
  }, dy());
}

function resizedAxes(context: RuleContext<"Resize">): ResizedAxis[] {
  const { attributes, x, y } = context;
  const { shape } = x();
  const axes = attributes.axes?.map((axis) => axisOf(axis, shape.length)) ?? range(shape.length);
  const scales = scalesOf(context, axes);
  const roi = roiOf(context, axes);
  return shape.map((from, axis) => {
    const i = axes.indexOf(axis);
    const whole: ResizedAxis = { from, to: at(y().shape, axis), scale: 1, roi: [0, 1] };
    return i < 0 ? whole : { ...whole, scale: at(scales, i), roi: at(roi, i) };
  });
}

function scalesOf(
  { attributes, constant, hasInput, x, y, unsupported }: RuleContext<"Resize">,
  axes: readonly number[],
): readonly number[] {
  const policy = attributes.keep_aspect_ratio_policy;
  const from = axes.map((axis) => at(x().shape, axis));
  if (hasInput(3) && policy !== "stretch") {
    const sizes = constant(3);
    const common = sizes === undefined ? undefined : commonScale(policy, from, sizes);
    return common === undefined ? unsupported("its sizes are not a constant") : axes.map(() => common);
  }
  if (hasInput(2)) return constant(2) ?? unsupported("its scales are not a constant");
  return axes.map((axis, i) => Math.fround(at(y().shape, axis) / at(from, i)));
}

/** [all starts, all ends] */
function roiOf(
  { attributes, constant, unsupported }: RuleContext<"Resize">,
  axes: readonly number[],
): readonly (readonly [number, number])[] {
  if (attributes.coordinate_transformation_mode !== "tf_crop_and_resize") return axes.map(() => [0, 1]);
  const roi = constant(1);
  if (roi === undefined) return unsupported("its region of interest is not a constant");
  return axes.map((_, i) => [at(roi, i), at(roi, i + axes.length)]);
}

function isRepeat({ mode, coordinate_transformation_mode: coordinates, nearest_mode }: Attributes): boolean {
  if (mode !== "nearest") return false;
  const isRounded = nearest_mode === "round_prefer_floor" || nearest_mode === "round_prefer_ceil";
  // From the corner of an element one must round down, from its middle to the nearest.
  return coordinates === "half_pixel" ? isRounded : coordinates === "asymmetric" && nearest_mode === "floor";
}

function sumRepeats({ emit, x, y, dy }: RuleContext<"Resize">): Value {
  const { shape } = x();
  const factors = shape.map((dim, i) => at(y().shape, i) / dim);
  const split = shape.flatMap((dim, i) => [dim, at(factors, i)]);
  const axes = range(shape.length).flatMap((i) => (factors[i] === 1 ? [] : [2 * i + 1]));
  return emit.reshape(emit.sum(emit.reshape(dy(), split), axes), shape);
}

function applyAlong(
  emit: Emitter,
  gradient: Value,
  axis: number,
  weights: readonly (readonly number[])[],
): Value {
  const rank = gradient.shape.length;
  const [to, from] = [weights.length, at(weights, 0).length];
  const toLast = [...range(rank).filter((i) => i !== axis), axis];
  const last = emit.transpose(gradient, toLast);
  const matrix = emit.constant({
    dtype: "float32",
    shape: [to, from],
    data: Float32Array.from(weights.flat()),
  });
  const rows = emit.gemm(
    emit.reshape(last, [sizeOf(last.shape) / to, to]),
    emit.cast(matrix, gradient.dtype),
  );
  return emit.transpose(
    emit.reshape(rows, last.shape.with(-1, from)),
    range(rank).map((i) => toLast.indexOf(i)),
  );
}
