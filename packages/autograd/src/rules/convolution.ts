/**
 * Backward rules of convolutions, for any number of spatial axes, with groups, strides, dilations and pads.
 *
 * x f32[N, C, …], w f32[M, C/G, …k], y f32[N, M, …]. A convolution is linear in x and in w, and a transposed
 * convolution is its adjoint in x; so each gradient is one of the two forms with its roles exchanged.
 */
import type { Window } from "../graph/ops/spec.ts";
import { at, type Emitter, equalShapes, range, sizeOf, type Value } from "./emitter.ts";
import type { RuleContext, RuleFamily } from "./rule.ts";

/** Kernels with more taps go to one convolution with large kernels instead of a slice for each tap. */
const TAPS_MAX = 64;

export const convolutionRules: RuleFamily<"Conv" | "ConvTranspose"> = {
  Conv: (context) => {
    const { emit, attributes, hasInput, x, dy } = context;
    const dx = convInputGradient(emit, dy(), x(1), attributes, x(0).shape);
    const dw = convWeightGradient(emit, x(0), dy(), attributes, x(1).shape);
    return [dx, dw, hasInput(2) ? channelSums(context) : undefined];
  },
  // y = Convᵀ(x), so dx = Conv(dy); and in dw the roles of x and dy are exchanged.
  ConvTranspose: (context) => {
    const { emit, attributes, hasInput, x, dy } = context;
    const wide = emit.conv(dy(), x(1), windowOf(attributes), attributes.group);
    // The outputs may leave room for windows that no x belongs to.
    const surplus = x(0).shape.map((dim, i) => dim - at(wide.shape, i));
    const dx = emit.pad(
      wide,
      surplus.map(() => 0),
      surplus,
    );
    const dw = convWeightGradient(emit, dy(), x(0), attributes, x(1).shape);
    return [dx, dw, hasInput(2) ? channelSums(context) : undefined];
  },
};

function channelSums<K extends "Conv" | "ConvTranspose">({ emit, dy }: RuleContext<K>): Value {
  return emit.sum(
    dy(),
    range(dy().shape.length).filter((axis) => axis !== 1),
  );
}

export function windowOf({ kernel_shape, strides, dilations, pads }: Window): Window {
  return { kernel_shape, strides, dilations, pads };
}

/**
 * dx of a convolution. With stride 1 it is one itself, of dy with the kernel turned round, and gathers windows of dy;
 * ConvTranspose scatters windows of dx: the cheaper of the two is the one with fewer channels on that side.
 */
export function convInputGradient(
  emit: Emitter,
  dy: Value,
  w: Value,
  attributes: Window & { readonly group: number },
  shape: readonly number[],
): Value {
  const { kernel_shape, strides, dilations, pads, group } = attributes;
  const spatial = kernel_shape.length;
  const gathers = group === 1 && strides.every((by) => by === 1) && at(dy.shape, 1) <= at(w.shape, 1);
  if (gathers) return convInputGradientByConv(emit, dy, w, attributes);
  // The uncut result reaches to the end of the last window; the window may stop short of x's end, or (ceil) pass it.
  const missing = kernel_shape.map((kernel, i) => {
    const reach = (at(dy.shape, i + 2) - 1) * at(strides, i) + (kernel - 1) * at(dilations, i) + 1;
    return at(shape, i + 2) + at(pads, i) + at(pads, i + spatial) - reach;
  });
  const output_padding = missing.map((width) => Math.max(width, 0));
  const cut = missing.map((width) => Math.min(width, 0));
  // ONNX Runtime refuses an output padding of a whole stride or more.
  const fits = output_padding.every((width, i) => width < at(strides, i));
  const full = {
    ...windowOf(attributes),
    group,
    output_padding: fits ? output_padding : output_padding.map(() => 0),
  };
  const made = shape.map((dim, i) =>
    i < 2 ? dim : dim - at(cut, i - 2) - (fits ? 0 : at(output_padding, i - 2)),
  );
  const dx = emit.node("ConvTranspose", [dy, w], full, dy.dtype, made);
  if (equalShapes(made, shape)) return dx;
  return emit.pad(
    dx,
    shape.map(() => 0),
    shape.map((dim, i) => dim - at(made, i)),
  );
}

function convInputGradientByConv(
  emit: Emitter,
  dy: Value,
  w: Value,
  { kernel_shape, strides, dilations, pads }: Window,
): Value {
  const spatial = kernel_shape.length;
  const margins = pads.map(
    (width, i) => (at(kernel_shape, i % spatial) - 1) * at(dilations, i % spatial) - width,
  );
  const turned = emit.reverse(
    emit.transpose(
      w,
      range(w.shape.length).map((i) => (i < 2 ? 1 - i : i)),
    ),
    range(spatial, 2),
  );
  // A convolution takes no negative pads.
  const inside = emit.pad(
    dy,
    [0, 0, ...margins.slice(0, spatial).map((width) => Math.min(width, 0))],
    [0, 0, ...margins.slice(spatial).map((width) => Math.min(width, 0))],
  );
  const window = { kernel_shape, strides, dilations, pads: margins.map((width) => Math.max(width, 0)) };
  return emit.conv(inside, turned, window, 1);
}

/**
 * dw of a convolution: dw[m, c, k] = Σ over n and positions p of dy[n, m, p] · x[n, c, p·stride + k·dilation − pad].
 *
 * Without groups it is one product over all images, batch and channels exchanged first; with them one product per
 * image and group.
 */
export function convWeightGradient(
  emit: Emitter,
  x: Value,
  dy: Value,
  attributes: Window & { readonly group: number },
  shape: readonly number[],
): Value {
  const { kernel_shape, group } = attributes;
  const taps = sizeOf(kernel_shape);
  if (group === 1) {
    if (taps > TAPS_MAX) return convWeightGradientByConv(emit, x, dy, attributes, shape);
    const exchange = range(x.shape.length).map((i) => (i < 2 ? 1 - i : i));
    const [planes, upstream] = [emit.transpose(x, exchange), emit.transpose(dy, exchange)];
    return sharesShifts(attributes, shape)
      ? weightGradientByShifts(emit, planes, upstream, attributes, shape)
      : weightGradientByTaps(emit, planes, upstream, attributes, shape);
  }
  const [n, m, c] = [at(x.shape, 0), at(dy.shape, 1) / group, at(shape, 1)];
  const positions = sizeOf(dy.shape.slice(2));
  const columns = emit.concat(
    shiftedCopies(emit, x, dy, attributes).map((copy) => emit.reshape(copy, [n, group, c, positions])),
    2,
  );
  const rows = emit.reshape(dy, [n, group, m, positions]);
  const perImage = emit.matmul(rows, emit.transposeLast(columns)); // [N, G, M/G, taps·C/G]
  const summed = emit.reshape(emit.sum(perImage, [0]), [group * m, taps, c]);
  return emit.reshape(emit.transpose(summed, [0, 2, 1]), shape);
}

/** Whether moving x along its last axis and dy along the others copies no more than moving x along all. */
function sharesShifts({ kernel_shape, strides }: Window, [m = 0, c = 0]: readonly number[]): boolean {
  const taps = sizeOf(kernel_shape);
  const along = at(kernel_shape, -1);
  return taps > 1 && strides.every((by) => by === 1) && along * c + (taps / along) * m <= taps * c;
}

/**
 * A sum over positions does not change when both factors move: x moves for the taps of the last axis, dy the other
 * way for the rest. So a kernel of 3 × 3 takes 3 + 3 copies in place of 9, and its product is 3 × 3 times as large
 * as a tap's: 7.5 ms where 9 copies take 15.6 (64×32×14×14, 64 out, AVX-512, 2026-11).
 *
 * @param x   f32[C, N, …]
 * @param dy  f32[M, N, …]
 */
function weightGradientByShifts(
  emit: Emitter,
  x: Value,
  dy: Value,
  { kernel_shape, dilations, pads }: Window,
  shape: readonly number[],
): Value {
  const [spatial, rank] = [kernel_shape.length, x.shape.length];
  const move = (value: Value, axis: number, begin: number, size: number) => {
    const isOutside = begin >= size || begin <= -at(value.shape, axis);
    if (isOutside) return emit.zeros(value.dtype, value.shape.with(axis, size));
    const begins = range(rank).map((i) => (i === axis ? begin : 0));
    const ends = range(rank).map((i) => (i === axis ? size - at(value.shape, axis) - begin : 0));
    return emit.pad(value, begins, ends);
  };
  const last = spatial - 1;
  // Positions: rows of x, columns of dy.
  const moved = range(at(kernel_shape, last)).map((k) => {
    const begin = at(pads, last) - k * at(dilations, last);
    return move(x, rank - 1, begin, at(dy.shape, rank - 1));
  });
  let upstream = [dy];
  for (const i of range(last)) {
    upstream = upstream.flatMap((value) =>
      range(at(kernel_shape, i)).map((k) => {
        const begin = k * at(dilations, i) - at(pads, i);
        return move(value, i + 2, begin, at(x.shape, i + 2));
      }),
    );
  }
  const [m, c] = [at(shape, 0), at(shape, 1)];
  const flat = (copies: readonly Value[], channels: number) => {
    const joined = emit.concat(copies, 0);
    return emit.reshape(joined, [copies.length * channels, sizeOf(joined.shape) / at(joined.shape, 0)]);
  };
  const product = emit.gemm(flat(upstream, m), flat(moved, c), { transB: true });
  // [tap of dy, M, tap of x, C] → [taps, M·C] row by row, then turned: one transpose of all four axes is 6 times as slow.
  const order = range(upstream.length).flatMap((a) =>
    range(moved.length).flatMap((b) => range(m).map((i) => (a * m + i) * moved.length + b)),
  );
  const rows = emit.gather(emit.reshape(product, [order.length, c]), emit.integers(order), 0);
  const taps = emit.reshape(rows, [upstream.length * moved.length, m * c]);
  return emit.reshape(emit.transpose(taps, [1, 0]), shape);
}

/**
 * The shifted copies of x, one for each kernel tap, side by side (im2col).
 *
 * @param x   f32[C, N, …]
 * @param dy  f32[M, N, …]
 */
function weightGradientByTaps(
  emit: Emitter,
  x: Value,
  dy: Value,
  window: Window,
  shape: readonly number[],
): Value {
  const [m, c, taps] = [at(shape, 0), at(shape, 1), sizeOf(window.kernel_shape)];
  const positions = sizeOf(dy.shape.slice(1));
  const columns = emit.reshape(emit.concat(shiftedCopies(emit, x, dy, window), 0), [taps * c, positions]);
  const product = emit.gemm(emit.reshape(dy, [m, positions]), columns, { transB: true });
  return emit.reshape(emit.transpose(emit.reshape(product, [m, taps, c]), [0, 2, 1]), shape);
}

/** For each kernel tap, in row-major order, the elements of x it meets: x's first two axes, …positions of dy. */
function shiftedCopies(emit: Emitter, x: Value, dy: Value, window: Window): Value[] {
  const { kernel_shape, strides, dilations, pads } = window;
  const spatial = kernel_shape.length;
  const begins = [0, 0, ...pads.slice(0, spatial)];
  const ends = [0, 0, ...pads.slice(spatial)];
  let copies = [emit.pad(x, begins, ends)];
  kernel_shape.forEach((kernel, i) => {
    const count = at(dy.shape, i + 2);
    copies = copies.flatMap((copy) =>
      range(kernel).map((k) => emit.slice(copy, i + 2, k * at(dilations, i), count, at(strides, i))),
    );
  });
  return copies;
}

// With batch and channel axes exchanged, dw is a convolution of x by dy in which strides and dilations change places.
function convWeightGradientByConv(
  emit: Emitter,
  x: Value,
  dy: Value,
  window: Window,
  shape: readonly number[],
): Value {
  const exchange = range(x.shape.length).map((i) => (i < 2 ? 1 - i : i));
  const swapped: Window = {
    kernel_shape: dy.shape.slice(2),
    strides: window.dilations,
    dilations: window.strides,
    pads: window.pads,
  };
  const wide = emit.conv(emit.transpose(x, exchange), emit.transpose(dy, exchange), swapped, 1); // [C, M, ≥ k]
  const turned = emit.transpose(wide, exchange);
  const zeros = turned.shape.map(() => 0);
  return emit.pad(
    turned,
    zeros,
    turned.shape.map((dim, i) => at(shape, i) - dim),
  );
}
