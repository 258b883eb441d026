/** Random instances of every differentiable operator. */
import type { OpKind } from "../../src/graph/ops.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { f32, floatsOf, i64 } from "../run-graph.ts";
import type { Case } from "./check.ts";
import type { Draw } from "./draw.ts";

type Cases = { readonly [K in OpKind]?: (draw: Draw) => Case<K> };

const vector = (values: readonly number[]): Tensor => i64([values.length], values);
const scalar = (value: number): Tensor => f32([], [value]);

function shape(draw: Draw, rankMin = 1, rankMax = 4): number[] {
  return Array.from({ length: draw.int(rankMin, rankMax) }, () => draw.int(1, 4));
}

/** A shape that broadcasts to the given one. */
function smaller(draw: Draw, full: readonly number[]): number[] {
  return full.slice(draw.int(0, full.length)).map((dim) => (draw.int(0, 2) === 0 ? 1 : dim));
}

const unary = (draw: Draw) => ({ inputs: [draw.signed(shape(draw))], attributes: {} });
const scaled = (x: Tensor, by: number) =>
  f32(
    x.shape,
    floatsOf(x).map((value) => value * by),
  );
const shifted = (x: Tensor, by: number) =>
  f32(
    x.shape,
    floatsOf(x).map((value) => value + by),
  );
/** Between −0.75 and 0.75. */
const unaryInside = (draw: Draw) => ({ inputs: [scaled(draw.signed(shape(draw)), 0.5)], attributes: {} });
const unaryPositive = (draw: Draw) => ({ inputs: [draw.positive(shape(draw))], attributes: {} });

function binary(draw: Draw) {
  const full = shape(draw);
  const pair = [draw.signed(full), draw.signed(smaller(draw, full))];
  return { inputs: draw.int(0, 1) === 0 ? pair : pair.reverse(), attributes: {} };
}

function division(draw: Draw) {
  const full = shape(draw);
  return { inputs: [draw.signed(smaller(draw, full)), draw.positive(full)], attributes: {} };
}

/** Operands whose order no step changes. */
function rivals(draw: Draw) {
  const [rows, columns] = [draw.int(1, 4), draw.int(1, 4)];
  const all = draw.distinct([3, rows, columns]);
  const size = rows * columns;
  const parts = [0, 1, 2].map((i) =>
    f32([rows, columns], Array.from(all.data, Number).slice(i * size, (i + 1) * size)),
  );
  return { inputs: parts, attributes: {} };
}

function reduction(draw: Draw, x: (dims: readonly number[]) => Tensor) {
  const dims = shape(draw, 2, 4);
  const axes = dims.map((_, i) => i).filter(() => draw.int(0, 1) === 0);
  const attributes = { keepdims: draw.int(0, 1), noop_with_empty_axes: draw.int(0, 1) };
  if (draw.int(0, 3) === 0) return { inputs: [x(dims)], attributes };
  const given = axes.map((axis) => (draw.int(0, 1) === 0 ? axis : axis - dims.length));
  return { inputs: [x(dims), vector(given)], attributes };
}

function softmax(draw: Draw) {
  const dims = shape(draw, 2, 3);
  return { inputs: [draw.signed(dims)], attributes: { axis: draw.int(-dims.length, dims.length - 1) } };
}

function window(draw: Draw, spatial: number, extra: { dilate?: boolean; padMax?: number } = {}) {
  const each = (one: () => number) => Array.from({ length: spatial }, one);
  return {
    kernel_shape: each(() => draw.int(1, 3)),
    strides: each(() => draw.int(1, 3)),
    dilations: each(() => (extra.dilate === false ? 1 : draw.int(1, 2))),
    pads: Array.from({ length: 2 * spatial }, () => draw.int(0, extra.padMax ?? 2)),
  };
}

function conv(draw: Draw): Case<"Conv"> {
  const spatial = draw.int(1, 2);
  const [group, perGroup, outPerGroup] = [draw.int(1, 3), draw.int(1, 2), draw.int(1, 2)];
  const attributes = { ...window(draw, spatial), group };
  const dims = Array.from({ length: spatial }, () => draw.int(6, 9));
  const x = draw.signed([draw.int(1, 3), group * perGroup, ...dims]);
  const w = draw.signed([group * outPerGroup, perGroup, ...attributes.kernel_shape]);
  return { inputs: [x, w, draw.signed([group * outPerGroup])], attributes };
}

function convTranspose(draw: Draw): Case<"ConvTranspose"> {
  const spatial = draw.int(1, 2);
  const [group, perGroup, outPerGroup] = [draw.int(1, 2), draw.int(1, 2), draw.int(1, 2)];
  const given = window(draw, spatial, { padMax: 1 });
  const output_padding = given.strides.map((stride) => draw.int(0, stride - 1));
  const dims = Array.from({ length: spatial }, () => draw.int(3, 5));
  const x = draw.signed([draw.int(1, 2), group * perGroup, ...dims]);
  const w = draw.signed([group * perGroup, outPerGroup, ...given.kernel_shape]);
  const bias = draw.signed([group * outPerGroup]);
  return { inputs: [x, w, bias], attributes: { ...given, group, output_padding } };
}

function maxPool(draw: Draw): Case<"MaxPool"> {
  const x = draw.distinct([2, 2, draw.int(5, 8), draw.int(5, 8)]);
  const plain = { dilations: [1, 1], pads: [0, 0, 0, 0], ceil_mode: 0, storage_order: 0 };
  if (draw.int(0, 1) === 0) {
    const kernel = [draw.int(1, 3), draw.int(1, 3)];
    return { inputs: [x], attributes: { ...plain, kernel_shape: kernel, strides: kernel } };
  }
  const attributes = { ...plain, kernel_shape: [3, 3], strides: [draw.int(1, 3), 2], pads: [1, 0, 1, 1] };
  return { inputs: [x], attributes: { ...attributes, ceil_mode: draw.int(0, 1) } };
}

function averagePool(draw: Draw): Case<"AveragePool"> {
  const x = draw.signed([2, 2, draw.int(5, 8), draw.int(5, 8)]);
  const pads = [0, 0, 0, 0].map(() => draw.int(0, 1));
  const attributes = {
    kernel_shape: [draw.int(2, 3), draw.int(2, 3)],
    strides: [draw.int(1, 3), draw.int(1, 2)],
  };
  return {
    inputs: [x],
    attributes: { ...attributes, dilations: [1, 1], pads, ceil_mode: 0, count_include_pad: draw.int(0, 1) },
  };
}

function gemm(draw: Draw): Case<"Gemm"> {
  const [m, k, n] = [draw.int(1, 4), draw.int(1, 4), draw.int(1, 4)];
  const attributes = { alpha: 0.5, beta: 1.5, transA: draw.int(0, 1), transB: draw.int(0, 1) };
  const a = draw.signed(attributes.transA === 1 ? [k, m] : [m, k]);
  const b = draw.signed(attributes.transB === 1 ? [n, k] : [k, n]);
  return { inputs: [a, b, draw.signed(draw.pick([[n], [1, n], [m, 1], [m, n], []]))], attributes };
}

function matmul(draw: Draw): Case<"MatMul"> {
  const [m, k, n, p, q] = [draw.int(1, 4), draw.int(1, 4), draw.int(1, 4), draw.int(1, 3), draw.int(1, 3)];
  const [a, b] = draw.pick([
    [
      [m, k],
      [k, n],
    ],
    [
      [p, q, m, k],
      [k, n],
    ],
    [
      [p, q, m, k],
      [p, q, k, n],
    ],
    [
      [p, 1, m, k],
      [q, k, n],
    ],
    [
      [m, k],
      [p, k, n],
    ],
    [[k], [k, n]],
    [[m, k], [k]],
    [[k], [k]],
    [[p, m, k], [k]],
    [[k], [p, k, n]],
  ] as const);
  return { inputs: [draw.signed(a), draw.signed(b)], attributes: {} };
}

function slice(draw: Draw): Case<"Slice"> {
  const x = draw.signed([5, 6, 4]);
  const [starts, ends, axes, steps] = draw.pick([
    [[1], [4], [0], [1]],
    [
      [1, 0],
      [6, 3],
      [1, 2],
      [2, 1],
    ],
    [[-1], [-7], [1], [-2]],
    [
      [0, 1],
      [5, 100],
      [0, -1],
      [3, 2],
    ],
    [[4], [-100], [0], [-1]],
  ] as const);
  return { inputs: [x, vector(starts), vector(ends), vector(axes), vector(steps)], attributes: {} };
}

const RESIZE = {
  mode: "nearest",
  antialias: 0,
  cubic_coeff_a: -0.75,
  exclude_outside: 0,
  extrapolation_value: 0,
  keep_aspect_ratio_policy: "stretch",
} as const;

function batchNorm(draw: Draw): Case<"BatchNormalization"> {
  const channels = draw.int(1, 4);
  const x = draw.signed([3, channels, ...(draw.int(0, 1) === 0 ? [] : [3, 2])]);
  const [scale, bias, mean] = [0, 1, 2].map(() => draw.signed([channels])) as [Tensor, Tensor, Tensor]; // SAFETY: three drawn
  const attributes = { epsilon: 1e-5, momentum: 0.9, training_mode: 0 };
  return { inputs: [x, scale, bias, mean, draw.positive([channels])], attributes };
}

function layerNorm(draw: Draw): Case<"LayerNormalization"> {
  const dims = [draw.int(1, 3), draw.int(2, 4), draw.int(3, 5)];
  const axis = draw.pick([-1, 1, 2]);
  const own = dims.slice(axis === -1 ? 2 : axis);
  const inputs = [draw.signed(dims), draw.signed(own), ...(draw.int(0, 1) === 0 ? [] : [draw.signed(own)])];
  return { inputs, attributes: { axis, epsilon: 1e-5, stash_type: 1 } };
}

export const CASES: Cases = {
  Abs: unary,
  Cos: unary,
  Elu: (draw) => ({ ...unary(draw), attributes: { alpha: 0.7 } }),
  Erf: unary,
  Exp: unary,
  Gelu: (draw) => ({ ...unary(draw), attributes: { approximate: draw.pick(["none", "tanh"]) } }),
  HardSigmoid: (draw) => ({ ...unary(draw), attributes: { alpha: 0.2, beta: 0.5 } }),
  HardSwish: unary,
  Identity: unary,
  LeakyRelu: (draw) => ({ ...unary(draw), attributes: { alpha: 0.1 } }),
  Log: unaryPositive,
  Neg: unary,
  Reciprocal: unaryPositive,
  Relu: unary,
  Selu: (draw) => ({ ...unary(draw), attributes: { alpha: 1.6733, gamma: 1.0507 } }),
  Sigmoid: unary,
  Sin: unary,
  Softplus: unary,
  Softsign: unary,
  Acos: unaryInside,
  Acosh: (draw) => ({ inputs: [shifted(draw.positive(shape(draw)), 1)], attributes: {} }),
  Asin: unaryInside,
  Asinh: unary,
  Atan: unary,
  Atanh: unaryInside,
  Celu: (draw) => ({ ...unary(draw), attributes: { alpha: 0.7 } }),
  Cosh: unary,
  Mish: unary,
  Sinh: unary,
  Tan: unaryInside,
  // Elements are multiples of 0.05, so none lies near the threshold.
  ThresholdedRelu: (draw) => ({ inputs: [draw.distinct(shape(draw))], attributes: { alpha: 0.225 } }),
  // 0.5 to 1.5 of a turn from the next jump.
  Mod: (draw) => {
    const turns = floatsOf(draw.distinct([4]));
    const values = turns.map((turn) => 1.5 * Math.round(10 * turn) + 0.7);
    return { inputs: [f32([4], values), f32([4], [1.5, 1.5, 1.5, 1.5])], attributes: { fmod: 1 } };
  },
  ReduceProd: (draw) => reduction(draw, draw.positive),
  Sqrt: unaryPositive,
  Tanh: unary,
  Cast: (draw) => ({ ...unary(draw), attributes: { to: "float32" } }),
  Clip: (draw) => ({
    inputs: [f32([6], [-2, -1, -0.3, 0.3, 1, 2]), scalar(-0.7), draw.int(0, 1) === 0 ? "" : scalar(0.6)],
    attributes: {},
    fixed: [1, 2],
  }),
  Dropout: (draw) => ({ inputs: [draw.signed(shape(draw)), scalar(0.4)], attributes: {}, fixed: [1] }),
  Add: binary,
  Sub: binary,
  Mul: binary,
  Div: division,
  Pow: (draw) => {
    const full = shape(draw);
    const base = draw.positive(full);
    if (draw.int(0, 1) === 0) return { inputs: [base, draw.signed(smaller(draw, full))], attributes: {} };
    return { inputs: [base, scalar(draw.pick([2, 3, 0.5, -1]))], attributes: {}, fixed: [1] };
  },
  PRelu: (draw) => {
    const dims = shape(draw, 2, 3);
    return { inputs: [draw.signed(dims), draw.signed([dims.at(-1) ?? 1])], attributes: {} };
  },
  Max: rivals,
  Mean: (draw) => {
    const full = shape(draw);
    return {
      inputs: [draw.signed(full), draw.signed(smaller(draw, full)), draw.signed(full)],
      attributes: {},
    };
  },
  Min: rivals,
  Sum: (draw) => {
    const full = shape(draw);
    return { inputs: [draw.signed(full), draw.signed(smaller(draw, full))], attributes: {} };
  },
  Where: (draw) => {
    const full = shape(draw);
    return {
      inputs: [draw.flags(full), draw.signed(smaller(draw, full)), draw.signed(full)],
      attributes: {},
    };
  },
  ReduceL1: (draw) => reduction(draw, draw.signed),
  ReduceL2: (draw) => reduction(draw, draw.signed),
  ReduceLogSum: (draw) => reduction(draw, draw.positive),
  ReduceLogSumExp: (draw) => reduction(draw, draw.signed),
  ReduceMax: (draw) => reduction(draw, draw.distinct),
  ReduceMean: (draw) => reduction(draw, draw.signed),
  ReduceMin: (draw) => reduction(draw, draw.distinct),
  ReduceSum: (draw) => reduction(draw, draw.signed),
  ReduceSumSquare: (draw) => reduction(draw, draw.signed),
  CumSum: (draw) => ({
    inputs: [draw.signed([3, 4, 2]), i64([], [draw.int(0, 2)])],
    attributes: { exclusive: draw.int(0, 1), reverse: draw.int(0, 1) },
  }),
  Softmax: softmax,
  LogSoftmax: softmax,
  Gemm: gemm,
  MatMul: matmul,
  Einsum: (draw) => {
    const equation = draw.pick(["bij,bjk->bik", "bij,bkj->bik", "bij,jk->bki"]);
    const b = equation.startsWith("bij,jk") ? [4, 5] : equation.startsWith("bij,bkj") ? [2, 5, 4] : [2, 4, 5];
    return { inputs: [draw.signed([2, 3, 4]), draw.signed(b)], attributes: { equation } };
  },
  Conv: conv,
  ConvTranspose: convTranspose,
  MaxPool: maxPool,
  AveragePool: averagePool,
  GlobalAveragePool: (draw) => ({ inputs: [draw.signed([2, 3, 4, 5])], attributes: {} }),
  GlobalMaxPool: (draw) => ({ inputs: [draw.distinct([2, 3, 4, 5])], attributes: {} }),
  BatchNormalization: batchNorm,
  InstanceNormalization: (draw) => ({
    inputs: [draw.signed([2, 3, 4, 3]), draw.signed([3]), draw.signed([3])],
    attributes: { epsilon: 1e-5 },
  }),
  LayerNormalization: layerNorm,
  Concat: (draw) => {
    const axis = draw.int(-2, 1);
    const other = (): number[] => [3, 3].with(axis, draw.int(1, 4));
    return {
      inputs: [draw.signed(other()), draw.signed(other()), draw.signed(other())],
      attributes: { axis },
    };
  },
  DepthToSpace: (draw) => ({
    inputs: [draw.signed([2, 8, 3, 2])],
    attributes: { blocksize: 2, mode: draw.pick(["DCR", "CRD"]) },
  }),
  Expand: (draw) => {
    const full = shape(draw, 2, 4);
    return { inputs: [draw.signed(smaller(draw, full)), vector(full)], attributes: {} };
  },
  Flatten: (draw) => ({ inputs: [draw.signed([2, 3, 4])], attributes: { axis: draw.int(-2, 3) } }),
  Gather: (draw) => {
    const axis = draw.int(-3, 2);
    const indices = draw.indices(draw.pick([[], [4], [2, 3]]), [5, 4, 3].at(axis) ?? 1);
    return { inputs: [draw.signed([5, 4, 3]), indices], attributes: { axis } };
  },
  GatherElements: (draw) => {
    const axis = draw.int(0, 1);
    return {
      inputs: [draw.signed([3, 4]), draw.indices([3, 4].with(axis, 5), axis === 0 ? 3 : 4)],
      attributes: { axis },
    };
  },
  GatherND: (draw) => ({
    inputs: [draw.signed([3, 4, 2]), draw.indices([5, 2], 3)],
    attributes: { batch_dims: 0 },
  }),
  Pad: (draw) => {
    const pads = [0, 0, 0, 0].map(() => draw.int(-1, 2));
    if (draw.int(0, 1) === 0)
      return { inputs: [draw.signed([3, 4]), vector(pads)], attributes: { mode: "constant" } };
    const inputs: (Tensor | "")[] = [draw.signed([2, 4, 3]), vector([1, 2]), "", vector([1])];
    if (draw.int(0, 1) === 0) return { inputs, attributes: { mode: "constant" } };
    const mode = draw.pick(["reflect", "edge", "wrap"] as const);
    return {
      inputs: [draw.signed([3, 4]), vector(pads.map((width) => Math.max(0, width)))],
      attributes: { mode },
    };
  },
  Reshape: (draw) => ({
    inputs: [
      draw.signed([2, 3, 4]),
      vector(
        draw.pick([
          [6, 4],
          [0, -1],
          [4, -1, 2],
        ]),
      ),
    ],
    attributes: { allowzero: 0 },
  }),
  Resize: (draw) => {
    const scales = f32([4], [1, 1, draw.int(1, 3), draw.int(1, 3)]);
    const x = draw.signed([2, 2, 3, 4]);
    if (draw.int(0, 1) === 0) {
      const coordinate_transformation_mode = draw.pick([
        "half_pixel",
        "pytorch_half_pixel",
        "align_corners",
        "asymmetric",
      ] as const);
      const sizes = vector([2, 2, draw.int(2, 8), draw.int(2, 8)]);
      const linear = {
        ...RESIZE,
        mode: "linear",
        nearest_mode: "floor",
        coordinate_transformation_mode,
      } as const;
      return { inputs: [x, "", "", sizes], attributes: linear };
    }
    const repeat = draw.pick([
      { coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" },
      { coordinate_transformation_mode: "half_pixel", nearest_mode: "round_prefer_floor" },
    ] as const);
    return {
      inputs: [x, "", scales],
      attributes: { ...RESIZE, ...repeat },
      fixed: [2],
    };
  },
  ScatterElements: (draw) => {
    const reduction = draw.pick(["none", "add"] as const);
    const inputs = [draw.signed([4, 3]), i64([2, 3], [0, 1, 2, 3, 0, 1]), draw.signed([2, 3])];
    return { inputs, attributes: { axis: 0, reduction } };
  },
  ScatterND: (draw) => {
    const reduction = draw.pick(["none", "add"] as const);
    return {
      inputs: [draw.signed([4, 3]), i64([2, 1], [2, 0]), draw.signed([2, 3])],
      attributes: { reduction },
    };
  },
  Slice: slice,
  SpaceToDepth: (draw) => ({ inputs: [draw.signed([2, 2, 4, 6])], attributes: { blocksize: 2 } }),
  Split: (draw) => {
    const axis = draw.int(-2, 1);
    const dims = [3, 3].with(axis, 6);
    if (draw.int(0, 1) === 0)
      return { inputs: [draw.signed(dims)], attributes: { axis, num_outputs: 3 }, outputs: 3 };
    return { inputs: [draw.signed(dims), vector([1, 3, 2])], attributes: { axis }, outputs: 3 };
  },
  Squeeze: (draw) => ({
    inputs: [draw.signed([2, 1, 3, 1]), vector(draw.pick([[1], [1, 3], [-1]]))],
    attributes: {},
  }),
  Tile: (draw) => ({
    inputs: [draw.signed([2, 3]), vector([draw.int(1, 3), draw.int(1, 3)])],
    attributes: {},
  }),
  Transpose: (draw) => ({
    inputs: [draw.signed([2, 3, 4])],
    attributes: {
      perm: draw.pick([
        [0, 2, 1],
        [2, 0, 1],
        [1, 2, 0],
      ]),
    },
  }),
  Trilu: (draw) => ({
    inputs: [draw.signed([2, 4, 4]), i64([], [draw.int(-2, 2)])],
    attributes: { upper: draw.int(0, 1) },
  }),
  Unsqueeze: (draw) => ({
    inputs: [draw.signed([2, 3]), vector(draw.pick([[0], [1, 3], [-1]]))],
    attributes: {},
  }),
};
