/** Backward rules of the operators that move elements about: each gradient is the move undone. */
import type { MovementAttributes } from "../graph/ops/movement.ts";
import { at, axisOf, type Emitter, range, type Value } from "./emitter.ts";
import { scatterAlong } from "./indexing.ts";
import { resizeBackward } from "./resize.ts";
import type { RuleContext, RuleFamily } from "./rule.ts";

export const movementRules: RuleFamily<keyof MovementAttributes> = {
  Concat: ({ emit, attributes, arity, x, y, dy }) => {
    const axis = axisOf(attributes.axis, y().shape.length);
    const sizes = range(arity).map((i) => at(x(i).shape, axis));
    return emit.split(dy(), axis, sizes);
  },
  DepthToSpace: (context) => [depthToSpaceAdjoint(context)],
  Expand: ({ dy }) => [dy()], // summed back over the broadcast axes by the differentiator
  Flatten: reshaped,
  Pad: (context) => {
    const { emit, wants, dy } = context;
    const dx = padAdjoint(context);
    if (!wants(2)) return [dx];
    // What is not the gradient of x is that of the padding.
    const total = (value: Value) => emit.sum(value, range(value.shape.length));
    return [dx, undefined, emit.sub(total(dy()), total(dx))];
  },
  ReverseSequence: ({ emit, attributes, x, dy }) => [
    emit.node("ReverseSequence", [dy(), x(1)], attributes, dy().dtype, dy().shape),
  ],
  Reshape: reshaped,
  Resize: (context) => [resizeBackward(context)],
  Slice: (context) => [sliceAdjoint(context)],
  // Space to depth orders channels as DCR does.
  SpaceToDepth: ({ emit, attributes: { blocksize }, x, dy }) => [
    emit.node("DepthToSpace", [dy()], { blocksize, mode: "DCR" }, dy().dtype, x().shape),
  ],
  Split: ({ emit, attributes, node, x, dy }) => {
    const axis = axisOf(attributes.axis, x().shape.length);
    return [
      emit.concat(
        node.outputs.map((_, i) => dy(i)),
        axis,
      ),
    ];
  },
  Squeeze: reshaped,
  // y laid out as [r₀, d₀, r₁, d₁, …]: the copies are the r axes.
  Tile: ({ emit, x, y, dy }) => {
    const { shape } = x();
    const split = shape.flatMap((dim, i) => [dim === 0 ? 0 : at(y().shape, i) / dim, dim]);
    return [
      emit.sum(
        emit.reshape(dy(), split),
        shape.map((_, i) => 2 * i),
      ),
    ];
  },
  Transpose: ({ emit, attributes: { perm }, dy }) => [
    emit.transpose(
      dy(),
      perm.map((_, axis) => perm.indexOf(axis)),
    ),
  ],
  // What was cut off had no influence.
  Trilu: ({ emit, attributes: { upper }, hasInput, x, dy }) => [
    emit.node("Trilu", [dy(), hasInput(1) ? x(1) : undefined], { upper }, dy().dtype, dy().shape),
  ],
  Unsqueeze: reshaped,
};

function reshaped<K extends "Flatten" | "Reshape" | "Squeeze" | "Unsqueeze">({
  emit,
  x,
  dy,
}: RuleContext<K>) {
  return [emit.reshape(dy(), x().shape)];
}

function depthToSpaceAdjoint({
  emit,
  attributes: { blocksize, mode },
  x,
  dy,
}: RuleContext<"DepthToSpace">): Value {
  const [n, c, h, w] = [0, 1, 2, 3].map((i) => at(x().shape, i)) as [number, number, number, number]; // SAFETY: four picked
  if (mode === "DCR") return emit.node("SpaceToDepth", [dy()], { blocksize }, dy().dtype, x().shape);
  // CRD: y[n, c', h, i, w, j] came from x[n, c', i, j, h, w].
  const blocks = emit.reshape(dy(), [n, c / blocksize ** 2, h, blocksize, w, blocksize]);
  return emit.reshape(emit.transpose(blocks, [0, 1, 3, 5, 2, 4]), [n, c, h, w]);
}

// Padding undone is padding by the negative widths.
function padAdjoint({ emit, attributes, constant, hasInput, x, dy, unsupported }: RuleContext<"Pad">): Value {
  const { mode } = attributes;
  const rank = x().shape.length;
  const pads = constant(1);
  if (pads === undefined) return unsupported("its pads are not a constant");
  const axes = constant(3)?.map((axis) => axisOf(axis, rank));
  if (axes === undefined && hasInput(3)) return unsupported("its axes are not a constant");
  const order = axes ?? range(rank);
  const begins = range(rank).map(() => 0);
  const ends = range(rank).map(() => 0);
  order.forEach((axis, i) => {
    begins[axis] = -at(pads, i);
    ends[axis] = -at(pads, i + order.length);
  });
  if (mode === "constant") return emit.pad(dy(), begins, ends);
  const sourceOf = PAD_SOURCE[mode];
  // The rest repeats elements of x: each gets back the sum over its copies, axis by axis.
  return x().shape.reduce((gradient, dim, axis) => {
    const begin = -at(begins, axis);
    const count = at(gradient.shape, axis);
    if (begin === 0 && count === dim) return gradient;
    emit.assertMakes(count);
    const sources = emit.integers(range(count).map((i) => sourceOf(i - begin, dim)));
    return scatterAlong(emit, gradient, sources, axis, gradient.shape.with(axis, dim));
  }, dy());
}

/** Which element stands at a position outside 0 … dim − 1. */
const PAD_SOURCE: {
  readonly [M in Exclude<MovementAttributes["Pad"]["mode"], "constant">]: (
    position: number,
    dim: number,
  ) => number;
} = {
  edge: (position, dim) => Math.min(Math.max(position, 0), dim - 1),
  reflect: (position, dim) => {
    const period = Math.max(1, 2 * (dim - 1));
    const inPeriod = ((position % period) + period) % period;
    return inPeriod < dim ? inPeriod : period - inPeriod;
  },
  wrap: (position, dim) => ((position % dim) + dim) % dim,
};

// One axis after the other: zeros between the elements for a step, zeros before and after for the bounds.
function sliceAdjoint({ emit, constant, hasInput, x, y, dy, unsupported }: RuleContext<"Slice">): Value {
  const { shape } = x();
  const starts = constant(1);
  const axes = hasInput(3) ? constant(3) : starts?.map((_, i) => i);
  const steps = hasInput(4) ? constant(4) : starts?.map(() => 1);
  if (starts === undefined || axes === undefined || steps === undefined) {
    return unsupported("its bounds are not constants");
  }
  let result = dy();
  axes.forEach((given, i) => {
    const axis = axisOf(given, shape.length);
    const [dim, step, count] = [at(shape, axis), at(steps, i), at(y().shape, axis)];
    const from = at(starts, i) < 0 ? at(starts, i) + dim : at(starts, i);
    const start = Math.min(Math.max(from, 0), step > 0 ? dim : dim - 1);
    if (step < 0) {
      emit.assertMakes(count);
      const positions = emit.integers(range(count).map((k) => start + k * step));
      result = scatterAlong(emit, result, positions, axis, result.shape.with(axis, dim));
      return;
    }
    result = placeAlong(emit, result, axis, { dim, start, step });
  });
  return result;
}

function placeAlong(
  emit: Emitter,
  x: Value,
  axis: number,
  { dim, start, step }: { dim: number; start: number; step: number },
): Value {
  const count = at(x.shape, axis);
  let spread = x;
  if (step > 1) {
    const columns = emit.reshape(x, [...x.shape.slice(0, axis + 1), 1, ...x.shape.slice(axis + 1)]);
    const ends = columns.shape.map((_, i) => (i === axis + 1 ? step - 1 : 0));
    const begins = ends.map(() => 0);
    spread = emit.reshape(emit.pad(columns, begins, ends), x.shape.with(axis, count * step));
  }
  const zeros = x.shape.map(() => 0);
  const after = dim - start - at(spread.shape, axis);
  return emit.pad(spread, zeros.with(axis, start), zeros.with(axis, after));
}
