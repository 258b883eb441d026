/**
 * The evaluator beside results worked out by hand or printed in the ONNX specification: ONNX Runtime could be wrong in
 * the same way, and then evaluate.test.ts would not tell.
 */
import { describe, expect, test } from "vitest";
import { defineModel } from "../builder/define-model.ts";
import type { OpAttributes, OpKind } from "../graph/ops.ts";
import type { Tensor } from "../graph/tensor.ts";
import { evaluate } from "./evaluate.ts";

interface Example<K extends OpKind> {
  readonly attributes?: Partial<OpAttributes[K]>;
  readonly inputs: readonly (Tensor | null)[];
  readonly outputs: readonly (Tensor | null)[];
}

type Examples = { readonly [K in OpKind]?: readonly Example<K>[] };

const f = (shape: readonly number[], ...values: number[]): Tensor => {
  return { dtype: "float32", shape, data: Float32Array.from(values) };
};
const i = (shape: readonly number[], ...values: number[]): Tensor => {
  return { dtype: "int64", shape, data: BigInt64Array.from(values, BigInt) };
};
const t = (shape: readonly number[], ...values: number[]): Tensor => {
  return { dtype: "bool", shape, data: Uint8Array.from(values) };
};

/** One input of these numbers, one output of those. */
const maps = (x: readonly number[], y: readonly number[]) => ({
  inputs: [f([x.length], ...x)],
  outputs: [f([y.length], ...y)],
});

const E = Math.E;
const LN2 = Math.LN2;
const SQUARE = f([2, 2], 1, 2, 3, 4);
const over = (...y: number[]) => ({ inputs: [SQUARE, i([1], 1)], outputs: [f([2, 1], ...y)] });
const pairs = (a: Tensor, b: Tensor, y: Tensor) => [{ inputs: [a, b], outputs: [y] }];

const EXAMPLES: Examples = {
  Abs: [maps([-1.5, 2], [1.5, 2])],
  Acos: [maps([1, 0], [0, Math.PI / 2])],
  Acosh: [maps([1, (E + 1 / E) / 2], [0, 1])],
  Asin: [maps([0, 1], [0, Math.PI / 2])],
  Asinh: [maps([0, (E - 1 / E) / 2], [0, 1])],
  Atan: [maps([0, 1], [0, Math.PI / 4])],
  Atanh: [maps([0, 0.6], [0, LN2])],
  Ceil: [maps([-1.5, 1.2], [-1, 2])],
  Celu: [{ attributes: { alpha: 2 }, ...maps([-2, 3], [2 * (1 / E - 1), 3]) }],
  Cos: [maps([0, Math.PI], [1, -1])],
  Cosh: [maps([0, LN2], [1, 1.25])],
  Elu: [{ attributes: { alpha: 2 }, ...maps([-1, 1], [2 * (1 / E - 1), 1]) }],
  // SOURCE: Abramowitz & Stegun, table 7.1.
  Erf: [maps([0, 1, -2], [0, 0.8427007929, -0.995322265])],
  Exp: [maps([0, 1], [1, E])],
  Floor: [maps([-1.5, 1.8], [-2, 1])],
  // Φ(1) = 0.8413447461.
  Gelu: [
    maps([0, 1, -1], [0, 0.8413447461, -0.1586552539]),
    { attributes: { approximate: "tanh" }, ...maps([1], [0.8411919906]) },
  ],
  HardSigmoid: [maps([0, 10, -10], [0.5, 1, 0])],
  HardSwish: [maps([3, -3, 1], [3, 0, 2 / 3])],
  Identity: [maps([7], [7])],
  IsNaN: [{ inputs: [f([2], Number.NaN, 1)], outputs: [t([2], 1, 0)] }],
  LeakyRelu: [{ attributes: { alpha: 0.1 }, ...maps([-2, 2], [-0.2, 2]) }],
  Log: [maps([1, E], [0, 1])],
  Mish: [maps([0, 1], [0, 0.8650983883])],
  Neg: [maps([1, -2], [-1, 2])],
  Not: [{ inputs: [t([2], 0, 1)], outputs: [t([2], 1, 0)] }],
  Reciprocal: [maps([4, -0.5], [0.25, -2])],
  Relu: [maps([-1, 2], [0, 2])],
  Round: [maps([0.5, 1.5, 2.5, -1.5], [0, 2, 2, -2])],
  Selu: [maps([1, 0], [1.0507009874, 0])],
  Sigmoid: [maps([0, Math.log(3)], [0.5, 0.75])],
  Sign: [maps([-3, 0, 5], [-1, 0, 1])],
  Sin: [maps([0, Math.PI / 2], [0, 1])],
  Sinh: [maps([0, LN2], [0, 0.75])],
  Softplus: [maps([0], [LN2])],
  Softsign: [maps([1, -3], [0.5, -0.75])],
  Sqrt: [maps([9, 2], [3, Math.SQRT2])],
  Tan: [maps([0, Math.PI / 4], [0, 1])],
  Tanh: [maps([0, LN2], [0, 0.6])],
  ThresholdedRelu: [maps([1, 1.5], [0, 1.5])],
  Cast: [{ attributes: { to: "int64" }, inputs: [f([2], 1.7, -1.7)], outputs: [i([2], 1, -1)] }],
  Clip: [{ inputs: [f([3], -2, 0.5, 2), f([], -1), f([], 1)], outputs: [f([3], -1, 0.5, 1)] }],
  Dropout: [{ inputs: [f([2], 1, 2), f([], 0.5), t([], 0)], outputs: [f([2], 1, 2)] }],

  Add: pairs(f([2, 1], 1, 2), f([2], 10, 20), f([2, 2], 11, 21, 12, 22)),
  Sub: pairs(f([2], 1, 2), f([], 3), f([2], -2, -1)),
  Mul: pairs(f([2], 2, 3), f([2], 4, 5), f([2], 8, 15)),
  Div: [...pairs(f([2], 1, 3), f([], 2), f([2], 0.5, 1.5)), ...pairs(i([2], -7, 7), i([], 2), i([2], -3, 3))],
  // SOURCE: ONNX Mod-13, mod_mixed_sign_int64 and fmod.
  Mod: [
    ...pairs(i([6], -4, 7, 5, 4, -7, 8), i([6], 2, -3, 8, -2, 3, 5), i([6], 0, -2, 5, 0, 2, 3)),
    { attributes: { fmod: 1 }, inputs: [i([2], -7, 7), i([], 3)], outputs: [i([2], -1, 1)] },
  ],
  Pow: pairs(f([3], 1, 2, 3), f([3], 4, 5, 6), f([3], 1, 32, 729)),
  PRelu: pairs(f([2], -2, 2), f([1], 0.25), f([2], -0.5, 2)),
  And: pairs(t([4], 0, 0, 1, 1), t([4], 0, 1, 0, 1), t([4], 0, 0, 0, 1)),
  Or: pairs(t([4], 0, 0, 1, 1), t([4], 0, 1, 0, 1), t([4], 0, 1, 1, 1)),
  Xor: pairs(t([4], 0, 0, 1, 1), t([4], 0, 1, 0, 1), t([4], 0, 1, 1, 0)),
  Equal: pairs(i([2], 1, 2), i([2], 1, 3), t([2], 1, 0)),
  Greater: pairs(f([3], 1, 2, 3), f([], 2), t([3], 0, 0, 1)),
  GreaterOrEqual: pairs(f([3], 1, 2, 3), f([], 2), t([3], 0, 1, 1)),
  Less: pairs(f([3], 1, 2, 3), f([], 2), t([3], 1, 0, 0)),
  LessOrEqual: pairs(f([3], 1, 2, 3), f([], 2), t([3], 1, 1, 0)),
  Max: [{ inputs: [f([2], 1, 4), f([2], 3, 2), f([], 2.5)], outputs: [f([2], 3, 4)] }],
  Min: [{ inputs: [f([2], 1, 4), f([2], 3, 2), f([], 2.5)], outputs: [f([2], 1, 2)] }],
  Sum: [{ inputs: [f([2], 1, 2), f([2], 3, 4), f([], 5)], outputs: [f([2], 9, 11)] }],
  Mean: [{ inputs: [f([2], 1, 2), f([2], 3, 6)], outputs: [f([2], 2, 4)] }],
  Where: [{ inputs: [t([2], 1, 0), f([2], 1, 2), f([], 9)], outputs: [f([2], 1, 9)] }],

  ReduceL1: [{ inputs: [f([1, 2], -1, 2), i([1], 1)], outputs: [f([1, 1], 3)] }],
  ReduceL2: [over(Math.sqrt(5), 5)],
  ReduceLogSum: [over(Math.log(3), Math.log(7))],
  ReduceLogSumExp: [{ inputs: [f([1, 2], LN2, 0), i([1], 1)], outputs: [f([1, 1], Math.log(3))] }],
  ReduceMax: [over(2, 4)],
  ReduceMean: [over(1.5, 3.5)],
  ReduceMin: [over(1, 3)],
  ReduceProd: [over(2, 12)],
  ReduceSum: [
    over(3, 7),
    { attributes: { keepdims: 0 }, inputs: [SQUARE], outputs: [f([], 10)] },
    { attributes: { noop_with_empty_axes: 1 }, inputs: [SQUARE], outputs: [SQUARE] },
  ],
  ReduceSumSquare: [over(5, 25)],
  // SOURCE: ONNX ArgMax-13, select_last_index.
  ArgMax: [
    { attributes: { axis: 1 }, inputs: [f([2, 2], 2, 2, 3, 10)], outputs: [i([2, 1], 0, 1)] },
    {
      attributes: { axis: 1, select_last_index: 1, keepdims: 0 },
      inputs: [f([2, 2], 2, 2, 3, 10)],
      outputs: [i([2], 1, 1)],
    },
  ],
  ArgMin: [{ attributes: { axis: 0 }, inputs: [f([2, 2], 2, 1, 3, 0)], outputs: [i([1, 2], 0, 1)] }],
  // SOURCE: ONNX CumSum-14.
  CumSum: [
    { inputs: [f([3], 1, 2, 3), i([], 0)], outputs: [f([3], 1, 3, 6)] },
    { attributes: { exclusive: 1 }, inputs: [f([3], 1, 2, 3), i([], 0)], outputs: [f([3], 0, 1, 3)] },
    {
      attributes: { exclusive: 1, reverse: 1 },
      inputs: [f([3], 1, 2, 3), i([], 0)],
      outputs: [f([3], 5, 3, 0)],
    },
  ],
  Softmax: [maps([0, Math.log(3)], [0.25, 0.75])],
  LogSoftmax: [maps([0, Math.log(3)], [Math.log(0.25), Math.log(0.75)])],

  // ½ · [[1, 2], [3, 4]] · [[5, 7], [6, 8]] + 2 · [1, 10]
  Gemm: [
    {
      attributes: { alpha: 0.5, beta: 2, transB: 1 },
      inputs: [SQUARE, f([2, 2], 5, 6, 7, 8), f([2], 1, 10)],
      outputs: [f([2, 2], 10.5, 31.5, 21.5, 46.5)],
    },
  ],
  MatMul: [
    ...pairs(SQUARE, f([2, 2], 5, 6, 7, 8), f([2, 2], 19, 22, 43, 50)),
    ...pairs(f([2], 1, 2), SQUARE, f([2], 7, 10)),
  ],
  Einsum: [
    { attributes: { equation: "ij->ji" }, inputs: [SQUARE], outputs: [f([2, 2], 1, 3, 2, 4)] },
    { attributes: { equation: "ii->i" }, inputs: [SQUARE], outputs: [f([2], 1, 4)] },
    { attributes: { equation: "ij,jk" }, inputs: [SQUARE, SQUARE], outputs: [f([2, 2], 7, 10, 15, 22)] },
  ],

  Conv: [
    { inputs: [f([1, 1, 4], 1, 2, 4, 8), f([1, 1, 2], 1, -1)], outputs: [f([1, 1, 3], -1, -2, -4)] },
    {
      attributes: { pads: [1, 0], strides: [2], dilations: [2] },
      inputs: [f([1, 1, 4], 1, 2, 4, 8), f([1, 1, 2], 1, 10), f([1], 100)],
      outputs: [f([1, 1, 2], 120, 182)],
    },
    {
      attributes: { group: 2 },
      inputs: [f([1, 2, 1], 3, 5), f([2, 1, 1], 2, 4)],
      outputs: [f([1, 2, 1], 6, 20)],
    },
  ],
  ConvTranspose: [
    {
      attributes: { output_padding: [0] },
      inputs: [f([1, 1, 2], 1, 2), f([1, 1, 2], 3, 4)],
      outputs: [f([1, 1, 3], 3, 10, 8)],
    },
    {
      attributes: { strides: [2], pads: [1, 0], output_padding: [1] },
      inputs: [f([1, 1, 2], 1, 2), f([1, 1, 2], 3, 4), f([1], 100)],
      outputs: [f([1, 1, 4], 104, 106, 108, 100)],
    },
  ],
  MaxPool: [
    {
      attributes: { kernel_shape: [2], strides: [2] },
      inputs: [f([1, 1, 5], 1, 9, 3, 4, 7)],
      outputs: [f([1, 1, 2], 9, 4), i([1, 1, 2], 1, 3)],
    },
    {
      attributes: { kernel_shape: [2], strides: [2], ceil_mode: 1 },
      inputs: [f([1, 1, 5], 1, 9, 3, 4, 7)],
      outputs: [f([1, 1, 3], 9, 4, 7), null],
    },
  ],
  AveragePool: [
    {
      attributes: { kernel_shape: [2], strides: [2], pads: [1, 0] },
      inputs: [f([1, 1, 3], 2, 4, 8)],
      outputs: [f([1, 1, 2], 2, 6)],
    },
    {
      attributes: { kernel_shape: [2], strides: [2], pads: [1, 0], count_include_pad: 1 },
      inputs: [f([1, 1, 3], 2, 4, 8)],
      outputs: [f([1, 1, 2], 1, 6)],
    },
  ],
  GlobalAveragePool: [{ inputs: [f([1, 1, 2, 2], 1, 2, 3, 6)], outputs: [f([1, 1, 1, 1], 3)] }],
  GlobalMaxPool: [{ inputs: [f([1, 1, 2, 2], 1, 2, 3, 6)], outputs: [f([1, 1, 1, 1], 6)] }],

  BatchNormalization: [
    {
      attributes: { epsilon: 0 },
      inputs: [f([2, 1], 1, 3), f([1], 2), f([1], 1), f([1], 1), f([1], 4)],
      outputs: [f([2, 1], 1, 3)],
    },
    // The batch: mean 2, variance 1; what runs along keeps 0.75 of itself.
    {
      attributes: { epsilon: 0, momentum: 0.75, training_mode: 1 },
      inputs: [f([2, 1], 1, 3), f([1], 2), f([1], 1), f([1], 0), f([1], 5)],
      outputs: [f([2, 1], -1, 3), f([1], 0.5), f([1], 4)],
    },
  ],
  InstanceNormalization: [
    {
      attributes: { epsilon: 0 },
      inputs: [f([1, 1, 2], 1, 3), f([1], 2), f([1], 10)],
      outputs: [f([1, 1, 2], 8, 12)],
    },
  ],
  LayerNormalization: [
    {
      attributes: { epsilon: 0 },
      inputs: [f([2, 2], 1, 3, 10, 30), f([2], 1, 2), f([2], 0, 5)],
      outputs: [f([2, 2], -1, 7, -1, 7)],
    },
  ],

  Concat: [
    { attributes: { axis: 1 }, inputs: [SQUARE, f([2, 1], 8, 9)], outputs: [f([2, 3], 1, 2, 8, 3, 4, 9)] },
  ],
  ConstantOfShape: [{ inputs: [i([2], 1, 2)], outputs: [f([1, 2], 0, 0)] }],
  // One pixel of four channels: DCR takes the block's place first, CRD the channel.
  DepthToSpace: [
    {
      attributes: { blocksize: 2 },
      inputs: [f([1, 8, 1, 1], 0, 1, 2, 3, 4, 5, 6, 7)],
      outputs: [f([1, 2, 2, 2], 0, 2, 4, 6, 1, 3, 5, 7)],
    },
    {
      attributes: { blocksize: 2, mode: "CRD" },
      inputs: [f([1, 8, 1, 1], 0, 1, 2, 3, 4, 5, 6, 7)],
      outputs: [f([1, 2, 2, 2], 0, 1, 2, 3, 4, 5, 6, 7)],
    },
  ],
  Expand: [{ inputs: [f([2, 1], 1, 2), i([2], 1, 2)], outputs: [f([2, 2], 1, 1, 2, 2)] }],
  Flatten: [{ inputs: [f([1, 2, 2], 1, 2, 3, 4)], outputs: [f([1, 4], 1, 2, 3, 4)] }],
  Gather: [{ attributes: { axis: 1 }, inputs: [SQUARE, i([2], -1, 0)], outputs: [f([2, 2], 2, 1, 4, 3)] }],
  // SOURCE: ONNX GatherElements-13, example 1.
  GatherElements: [
    { attributes: { axis: 1 }, inputs: [SQUARE, i([2, 2], 0, 0, 1, 0)], outputs: [f([2, 2], 1, 1, 4, 3)] },
  ],
  // SOURCE: ONNX GatherND-13, examples 1 and 2.
  GatherND: [
    { inputs: [SQUARE, i([2, 2], 0, 0, 1, 1)], outputs: [f([2], 1, 4)] },
    { inputs: [SQUARE, i([2, 1], 1, 0)], outputs: [f([2, 2], 3, 4, 1, 2)] },
  ],
  OneHot: [{ inputs: [i([2], 1, -1), i([], 3), f([2], 0, 5)], outputs: [f([2, 3], 0, 5, 0, 0, 0, 5)] }],
  Pad: [
    { inputs: [f([3], 1, 2, 3), i([2], 1, 2), f([], 9)], outputs: [f([6], 9, 1, 2, 3, 9, 9)] },
    {
      attributes: { mode: "reflect" },
      inputs: [f([3], 1, 2, 3), i([2], 2, 1)],
      outputs: [f([6], 3, 2, 1, 2, 3, 2)],
    },
    {
      attributes: { mode: "edge" },
      inputs: [f([3], 1, 2, 3), i([2], 2, 1)],
      outputs: [f([6], 1, 1, 1, 2, 3, 3)],
    },
    {
      attributes: { mode: "wrap" },
      inputs: [f([3], 1, 2, 3), i([2], 2, 1)],
      outputs: [f([6], 2, 3, 1, 2, 3, 1)],
    },
  ],
  Range: [{ inputs: [i([], 1), i([], 8), i([], 3)], outputs: [i([3], 1, 4, 7)] }],
  Reshape: [{ inputs: [f([2, 2], 1, 2, 3, 4), i([2], 0, -1)], outputs: [f([2, 2], 1, 2, 3, 4)] }],
  // Centres at ¼, ¾, 1¼, 1¾ of a pixel, counted from the first's.
  Resize: [
    {
      attributes: { mode: "linear" },
      inputs: [f([1, 1, 2], 0, 4), null, f([3], 1, 1, 2)],
      outputs: [f([1, 1, 4], 0, 1, 3, 4)],
    },
    {
      attributes: { coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" },
      inputs: [f([1, 1, 2], 0, 4), null, f([3], 1, 1, 2)],
      outputs: [f([1, 1, 4], 0, 0, 4, 4)],
    },
    {
      attributes: { mode: "linear", coordinate_transformation_mode: "align_corners" },
      inputs: [f([1, 1, 2], 0, 3), null, f([3], 1, 1, 2)],
      outputs: [f([1, 1, 4], 0, 1, 2, 3)],
    },
  ],
  // SOURCE: ONNX ScatterElements-18, with and without reduction.
  ScatterElements: [
    {
      attributes: { axis: 1 },
      inputs: [f([1, 5], 1, 2, 3, 4, 5), i([1, 2], 1, 3), f([1, 2], 1.5, 2.5)],
      outputs: [f([1, 5], 1, 1.5, 3, 2.5, 5)],
    },
    {
      attributes: { axis: 1, reduction: "add" },
      inputs: [f([1, 5], 1, 2, 3, 4, 5), i([1, 2], 1, 1), f([1, 2], 1.5, 2.5)],
      outputs: [f([1, 5], 1, 6, 3, 4, 5)],
    },
  ],
  // SOURCE: ONNX ScatterND-18, example 1.
  ScatterND: [
    {
      inputs: [f([8], 1, 2, 3, 4, 5, 6, 7, 8), i([4, 1], 4, 3, 1, 7), f([4], 9, 10, 11, 12)],
      outputs: [f([8], 1, 11, 3, 10, 9, 6, 7, 12)],
    },
    {
      attributes: { reduction: "max" },
      inputs: [f([2], 5, 5), i([2, 1], 0, 1), f([2], 1, 9)],
      outputs: [f([2], 5, 9)],
    },
  ],
  Shape: [
    { inputs: [f([1, 2, 1], 0, 0)], outputs: [i([3], 1, 2, 1)] },
    { attributes: { start: -2 }, inputs: [f([1, 2, 1], 0, 0)], outputs: [i([2], 2, 1)] },
  ],
  Size: [{ inputs: [f([1, 2, 1], 0, 0)], outputs: [i([], 2)] }],
  Slice: [
    {
      inputs: [f([5], 0, 1, 2, 3, 4), i([1], -1), i([1], -9), i([1], 0), i([1], -2)],
      outputs: [f([3], 4, 2, 0)],
    },
    { inputs: [SQUARE, i([1], 1), i([1], 1000), i([1], 1)], outputs: [f([2, 1], 2, 4)] },
  ],
  SpaceToDepth: [
    {
      attributes: { blocksize: 2 },
      inputs: [f([1, 1, 2, 2], 1, 2, 3, 4)],
      outputs: [f([1, 4, 1, 1], 1, 2, 3, 4)],
    },
  ],
  Split: [{ inputs: [f([3], 1, 2, 3), i([2], 2, 1)], outputs: [f([2], 1, 2), f([1], 3)] }],
  Squeeze: [{ inputs: [f([1, 2, 1], 1, 2), i([1], -1)], outputs: [f([1, 2], 1, 2)] }],
  Tile: [{ inputs: [f([1, 2], 1, 2), i([2], 2, 2)], outputs: [f([2, 4], 1, 2, 1, 2, 1, 2, 1, 2)] }],
  Transpose: [{ inputs: [f([1, 2, 2], 1, 2, 3, 4)], outputs: [f([2, 2, 1], 1, 3, 2, 4)] }],
  Trilu: [
    { inputs: [SQUARE], outputs: [f([2, 2], 1, 2, 0, 4)] },
    { attributes: { upper: 0 }, inputs: [SQUARE, i([], -1)], outputs: [f([2, 2], 0, 0, 3, 0)] },
  ],
  Unsqueeze: [{ inputs: [f([2], 1, 2), i([2], 0, 2)], outputs: [f([1, 2, 1], 1, 2)] }],
};

/** Inputs are float32; the arithmetic is not. */
const DIGITS = 6;

function evaluated<K extends OpKind>(op: K, { attributes = {}, inputs, outputs }: Example<K>) {
  const graph = defineModel({ name: "by hand", seed: 1, inputs: {} }, (b) => {
    const given = inputs.map((tensor, at) => (tensor === null ? b.absent : b.constant(`x${at}`, tensor)));
    const made = b.ops<K>(op, given, attributes, { outputs: outputs.length });
    return Object.fromEntries(made.map((value, at) => [`y${at}`, value]));
  });
  return evaluate(graph, new Map());
}

const ALL = Object.entries(EXAMPLES).flatMap(([op, examples]) =>
  // SAFETY: the examples under a name are of that operator.
  examples.map((example, at) => [`${op} ${at}`, op as OpKind, example as Example<OpKind>] as const),
);

describe("worked out by hand", () => {
  test.each(ALL)("%s", (_, op, example) => {
    const found = evaluated(op, example);
    for (const [at, wanted] of example.outputs.entries()) {
      if (wanted === null) continue;
      const got = found.get(`y${at}`);
      expect({ dtype: got?.dtype, shape: got?.shape }).toEqual({ dtype: wanted.dtype, shape: wanted.shape });
      const numbers = Array.from(got?.data ?? [], Number);
      for (const [k, want] of Array.from(wanted.data, Number).entries()) {
        expect(numbers[k], `output ${at}, element ${k}`).toBeCloseTo(want, DIGITS);
      }
    }
  });
});
