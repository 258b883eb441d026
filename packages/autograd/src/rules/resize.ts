/** The backward rule of Resize: each axis is a matrix, so its transpose carries the gradient back. */
import type { OpAttributes } from "../graph/ops.ts";
import { at, axisOf, type Emitter, range, sizeOf, type Value } from "./emitter.ts";
import type { RuleContext } from "./rule.ts";

type Attributes = OpAttributes["Resize"];

/** One axis: its sizes, and how many outputs there are for an input. */
interface Axis {
  readonly from: number;
  readonly to: number;
  readonly scale: number;
}

/** Nearest by whole factors repeats elements, so the repeats are summed: one pass in place of products. */
export function resizeBackward(context: RuleContext<"Resize">): Value {
  const { emit, attributes, x, y, dy, unsupported } = context;
  const { mode, antialias } = attributes;
  if (mode === "cubic" || antialias !== 0) return unsupported("it is cubic or antialiased");
  const scales = scalesOf(context);
  const axes = x().shape.map((from, i): Axis => ({ from, to: at(y().shape, i), scale: at(scales, i) }));
  if (isRepeat(attributes) && axes.every(({ scale }) => Number.isInteger(scale))) return sumRepeats(context);
  return axes.reduce((gradient, axis, i) => {
    if (axis.from === axis.to && axis.scale === 1) return gradient;
    return applyAlong(emit, gradient, i, weightsOf(attributes, axis));
  }, dy());
}

function scalesOf({ attributes, constant, hasInput, x, y, unsupported }: RuleContext<"Resize">) {
  const { shape } = x();
  const bySizes = shape.map((dim, i) => at(y().shape, i) / dim);
  if (!hasInput(2)) return bySizes;
  const given = constant(2);
  if (given === undefined) return unsupported("its scales are not a constant");
  const axes = attributes.axes?.map((axis) => axisOf(axis, shape.length)) ?? range(shape.length);
  return bySizes.map((_, i) => (axes.includes(i) ? at(given, axes.indexOf(i)) : 1));
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

/** f32[to, from]: row o holds the weights of the inputs in output o. */
function weightsOf(attributes: Attributes, axis: Axis): readonly (readonly number[])[] {
  const last = axis.from - 1;
  return range(axis.to).map((o) => {
    const row = new Array<number>(axis.from).fill(0);
    const position = SOURCE[attributes.coordinate_transformation_mode](o, axis);
    if (attributes.mode === "nearest") {
      const nearest = NEAREST[attributes.nearest_mode](position);
      return row.with(Math.min(Math.max(nearest, 0), last), 1);
    }
    const inside = Math.min(Math.max(position, 0), last);
    const low = Math.floor(inside);
    const share = inside - low;
    const weighted = row.with(low, 1 - share);
    return share === 0 ? weighted : weighted.with(low + 1, share);
  });
}

/** Where an output lies among the inputs. SOURCE: ONNX Resize-19. */
const SOURCE: {
  readonly [M in Attributes["coordinate_transformation_mode"]]: (o: number, axis: Axis) => number;
} = {
  half_pixel: (o, { scale }) => (o + 0.5) / scale - 0.5,
  half_pixel_symmetric: (o, { from, to, scale }) =>
    (from / 2) * (1 - to / (scale * from)) + (o + 0.5) / scale - 0.5,
  pytorch_half_pixel: (o, { to, scale }) => (to > 1 ? (o + 0.5) / scale - 0.5 : 0),
  align_corners: (o, { from, to }) => (to > 1 ? (o * (from - 1)) / (to - 1) : 0),
  asymmetric: (o, { scale }) => o / scale,
};

const NEAREST: { readonly [M in Attributes["nearest_mode"]]: (position: number) => number } = {
  round_prefer_floor: (position) => Math.ceil(position - 0.5),
  round_prefer_ceil: (position) => Math.floor(position + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

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
  const rows = emit.gemm(emit.reshape(last, [sizeOf(last.shape) / to, to]), matrix);
  return emit.transpose(
    emit.reshape(rows, last.shape.with(-1, from)),
    range(rank).map((i) => toLast.indexOf(i)),
  );
}
