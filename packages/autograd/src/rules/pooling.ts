/** Backward rules of pooling. */
import type { PoolingAttributes } from "../graph/ops/pooling.ts";
import type { Window } from "../graph/ops/spec.ts";
import type { OpAttributes } from "../graph/ops.ts";
import { convInputGradient } from "./convolution.ts";
import { at, type Emitter, range, sizeOf, type Value } from "./emitter.ts";
import type { RuleContext, RuleFamily } from "./rule.ts";

const NEAREST: OpAttributes["Resize"] = {
  mode: "nearest",
  coordinate_transformation_mode: "asymmetric",
  nearest_mode: "floor",
  antialias: 0,
  cubic_coeff_a: -0.75,
  exclude_outside: 0,
  extrapolation_value: 0,
  keep_aspect_ratio_policy: "stretch",
};

/** Keeps a division by a norm finite where it is 0. */
const NORM_MIN = 1e-30;

export const poolingRules: RuleFamily<keyof PoolingAttributes> = {
  MaxPool: (context) => [maxPoolBackward(context)],
  AveragePool: (context) => [averagePoolBackward(context)],
  // y = (Σ|x|ᵖ)^(1/p), so ∂y/∂x = sign(x)·(|x|/y)ᵖ⁻¹
  LpPool: (context) => {
    const { emit, attributes, x, y, dy } = context;
    const spread = (value: Value) => onesAdjoint(emit, value, attributes, x().shape);
    return [
      normPoolBackward(context, attributes.p, spread(emit.mul(dy(), negativePower(emit, y(), attributes.p)))),
    ];
  },
  // Where x went, its gradient comes from.
  MaxUnpool: ({ emit, x, y, dy }) => {
    const places = emit.reshape(x(1), [sizeOf(x().shape)]);
    const flat = emit.reshape(dy(), [sizeOf(y().shape)]);
    return [emit.reshape(emit.gather(flat, places, 0), x().shape)];
  },
  GlobalLpPool: (context) => {
    const { emit, attributes, y, dy } = context;
    return [normPoolBackward(context, attributes.p, emit.mul(dy(), negativePower(emit, y(), attributes.p)))];
  },
  GlobalAveragePool: ({ emit, x, dy }) => {
    const positions = sizeOf(x().shape.slice(2));
    return [emit.expand(emit.scale(dy(), 1 / positions), x().shape)];
  },
  // Elements that tie share the gradient evenly, as in ReduceMax.
  GlobalMaxPool: ({ emit, x, y, dy }) => {
    const mask = emit.mask("Equal", x(), y());
    const ties = emit.sum(mask, range(x().shape.length).slice(2), 1);
    return [emit.mul(mask, emit.div(dy(), ties))];
  },
};

/**
 * Each dy goes to the elements that won its window.
 *
 * Windows side by side: a winner equals its window's maximum, and ties share evenly. Comparing x with the enlarged y
 * takes about 4 ms where the positions from MaxPool's second output take about 10 (1.6 M floats), as that output is slow to make.
 * Windows that overlap: by those positions, laid flat over the whole of x; the first of a tie wins, as in PyTorch.
 */
function maxPoolBackward(context: RuleContext<"MaxPool">): Value {
  const { emit, attributes, x, y, dy } = context;
  if (windowsTile(attributes) && x().shape.length === 4) return tiledMaxPoolBackward(context);
  const size = sizeOf(y().shape);
  const isColumnMajor = attributes.storage_order !== 0;
  const positions = isColumnMajor ? rowMajor(emit, y(1), x().shape.slice(2)) : y(1);
  const winners = emit.reshape(positions, [size]);
  const zeros = emit.zeros(x().dtype, [sizeOf(x().shape)]);
  const reduction = windowsOverlap(attributes) ? "add" : "none";
  return emit.reshape(
    emit.scatterElements(zeros, winners, emit.reshape(dy(), [size]), 0, reduction),
    x().shape,
  );
}

/** Positions counted with the first spatial axis fastest, counted with the last one fastest instead. */
function rowMajor(emit: Emitter, positions: Value, spatial: readonly number[]): Value {
  const whole = (value: number) => emit.scalar(value, "int64");
  const modulo = (a: Value, b: number) => emit.node("Mod", [a, whole(b)], { fmod: 0 }, "int64", a.shape);
  let rest = modulo(positions, sizeOf(spatial));
  let total = emit.sub(positions, rest); // where the plane of this image and channel starts
  spatial.forEach((dim, axis) => {
    const place = modulo(rest, dim);
    total = emit.add2(total, emit.mul(place, whole(sizeOf(spatial.slice(axis + 1)))));
    rest = emit.div(emit.sub(rest, place), whole(dim));
  });
  return total;
}

function tiledMaxPoolBackward({ emit, attributes, x, y, dy }: RuleContext<"MaxPool">): Value {
  const { kernel_shape: kernel, strides, dilations, pads } = attributes;
  const covered = y().shape.map((dim, i) => (i < 2 ? dim : dim * at(kernel, i - 2)));
  const rest = covered.map((dim, i) => dim - at(x().shape, i)); // 0, or less where the last windows stop short
  const none = rest.map(() => 0);
  const inside = emit.pad(x(), none, rest);
  const mask = emit.mask("Equal", inside, enlarge(emit, y(), kernel));
  const window = { kernel_shape: kernel, strides, dilations, pads, ceil_mode: 0, count_include_pad: 0 };
  const mean = emit.node("AveragePool", [mask], window, mask.dtype, y().shape);
  const share = emit.div(dy(), emit.scale(mean, sizeOf(kernel)));
  const dx = emit.mul(mask, enlarge(emit, share, kernel));
  return emit.pad(
    dx,
    none,
    rest.map((width) => -width),
  );
}

/** Each element repeated to fill a window. */
function enlarge(emit: Emitter, x: Value, kernel: readonly number[]): Value {
  const scales = emit.constant({
    dtype: "float32",
    shape: [x.shape.length],
    data: Float32Array.of(1, 1, ...kernel),
  });
  const shape = x.shape.map((dim, i) => (i < 2 ? dim : dim * at(kernel, i - 2)));
  return emit.node("Resize", [x, undefined, scales], NEAREST, x.dtype, shape);
}

function windowsTile({
  kernel_shape,
  strides,
  dilations,
  pads,
  ceil_mode,
}: OpAttributes["MaxPool"]): boolean {
  const isPlain = pads.every((width) => width === 0) && dilations.every((by) => by === 1) && ceil_mode === 0;
  return isPlain && kernel_shape.every((kernel, i) => kernel === strides[i]);
}

function windowsOverlap({ kernel_shape, strides, dilations }: Window): boolean {
  return kernel_shape.some((kernel, i) => (kernel - 1) * at(dilations, i) + 1 > at(strides, i));
}

/** y^(1 − p), 0 where y is: there the gradient is taken as 0. */
function negativePower(emit: Emitter, y: Value, p: number): Value {
  if (p === 1) return emit.mask("Greater", y, 0);
  const positive = emit.binary("Max", y, emit.like(y, NORM_MIN));
  const power =
    p === 2 ? emit.unary("Reciprocal", positive) : emit.binary("Pow", positive, emit.like(y, 1 - p));
  return emit.mul(power, emit.mask("Greater", y, 0));
}

/** @param share  Σ over the windows that x is in of dy·y^(1 − p) */
function normPoolBackward<K extends "LpPool" | "GlobalLpPool">(
  { emit, x }: RuleContext<K>,
  p: number,
  share: Value,
): Value {
  if (p === 1) return emit.mul(emit.unary("Sign", x()), share);
  if (p === 2) return emit.mul(x(), share);
  const power = emit.binary("Pow", emit.unary("Abs", x()), emit.like(x(), p - 1));
  return emit.mul(emit.mul(emit.unary("Sign", x()), power), share);
}

/** A mean is a convolution of each channel by itself with a kernel of ones, divided by how many it met. */
function averagePoolBackward({ emit, attributes, x, y, dy }: RuleContext<"AveragePool">): Value {
  const divisors = windowSizes(emit, attributes, x().shape.slice(2), y().shape.slice(2));
  const shares = emit.div(dy(), emit.cast(divisors, dy().dtype));
  return onesAdjoint(emit, shares, attributes, x().shape);
}

/** For each element of x, the sum over the windows that it is in. */
function onesAdjoint(emit: Emitter, windows: Value, attributes: Window, shape: readonly number[]): Value {
  const [n, c] = [at(shape, 0), at(shape, 1)];
  emit.assertMakes(sizeOf(attributes.kernel_shape));
  const ones = emit.constant({
    dtype: "float32",
    shape: [1, 1, ...attributes.kernel_shape],
    data: new Float32Array(sizeOf(attributes.kernel_shape)).fill(1),
  });
  const planes = emit.reshape(windows, [n * c, 1, ...windows.shape.slice(2)]);
  const dx = convInputGradient(emit, planes, emit.cast(ones, windows.dtype), { ...attributes, group: 1 }, [
    n * c,
    1,
    ...shape.slice(2),
  ]);
  return emit.reshape(dx, shape);
}

/** What each output position was divided by: f32[1, 1, …spatial], a product of one vector for each axis. */
function windowSizes(
  emit: Emitter,
  attributes: OpAttributes["AveragePool"],
  from: readonly number[],
  to: readonly number[],
): Value {
  const { kernel_shape, strides, dilations, pads, count_include_pad } = attributes;
  const perAxis = to.map((count, axis) => {
    emit.assertMakes(count * at(kernel_shape, axis));
    const sizes = range(count).map((o) => {
      const first = o * at(strides, axis) - at(pads, axis);
      const low = count_include_pad === 1 ? -at(pads, axis) : 0;
      const high = at(from, axis) + (count_include_pad === 1 ? at(pads, axis + from.length) : 0);
      const taps = range(at(kernel_shape, axis)).map((k) => first + k * at(dilations, axis));
      return taps.filter((tap) => tap >= low && tap < high).length;
    });
    const shape = [1, 1, ...to.map((_, i) => (i === axis ? count : 1))];
    return emit.constant({ dtype: "float32", shape, data: Float32Array.from(sizes) });
  });
  return perAxis.reduce((product, sizes) => emit.mul(product, sizes));
}
