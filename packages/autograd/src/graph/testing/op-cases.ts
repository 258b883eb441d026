/** Random legal nodes of every operator; for tests that compare the engine with ONNX Runtime. */
import { createPrng, type Prng } from "@pingo/core";
import { type None, OPS, type OpAttributes, type OpKind, type Reduce, type Window } from "../ops.ts";
import { sizeOfShape } from "../shape.ts";
import type { DType, Tensor } from "../tensor.ts";

export interface OpCase<K extends OpKind = OpKind> {
  /** undefined: left out. */
  readonly inputs: readonly (OpInput | undefined)[];
  readonly attributes: OpAttributes[K];
  readonly outputs?: number;
}

interface OpInput {
  readonly tensor: Tensor;
  /** Known before the run, as exporters write axes and shapes. */
  readonly isConstant: boolean;
}

/** What a case draws from. */
class Draw {
  readonly #prng: Prng;
  constructor(seed: number) {
    this.#prng = createPrng(seed);
  }
  int = (low: number, high: number): number => low + this.#prng.int(high - low + 1);
  flag = (): boolean => this.int(0, 1) === 1;
  bit = (): number => this.int(0, 1);
  pick = <T>(...values: readonly [T, ...T[]]): T => values[this.int(0, values.length - 1)] ?? values[0];
  list = (length: number, low: number, high: number): number[] =>
    Array.from({ length }, () => this.int(low, high));
  shape = (low = 1, high = 4): number[] => this.list(this.int(low, high), 1, 4);
  axis = (rank: number): number => this.int(-rank, rank - 1);
  /** A shape that broadcasts to the given one. */
  part = (shape: readonly number[]): number[] =>
    shape.slice(this.int(0, shape.length)).map((dim) => (this.flag() ? 1 : dim));
  floats = (shape: readonly number[]): OpInput =>
    input(
      shape,
      "float32",
      Array.from({ length: sizeOfShape(shape) }, () => 0.1 + 0.8 * this.#prng.float()),
    );
  bools = (shape: readonly number[]): OpInput => input(shape, "bool", this.list(sizeOfShape(shape), 0, 1));
  indices = (shape: readonly number[], below: number): OpInput =>
    input(shape, "int64", this.list(sizeOfShape(shape), 0, below - 1));
  subset = (rank: number): number[] => Array.from({ length: rank }, (_, i) => i).filter(() => this.flag());
  permutation = (rank: number): number[] => {
    const rest = Array.from({ length: rank }, (_, i) => i);
    return Array.from({ length: rank }, () => rest.splice(this.int(0, rest.length - 1), 1)[0] ?? 0);
  };
}

function input(
  shape: readonly number[],
  dtype: DType,
  values: readonly number[],
  isConstant = false,
): OpInput {
  const data = {
    float32: () => Float32Array.from(values),
    float64: () => Float64Array.from(values),
    int64: () => BigInt64Array.from(values, BigInt),
    int32: () => Int32Array.from(values),
    int8: () => Int8Array.from(values),
    uint8: () => Uint8Array.from(values),
    bool: () => Uint8Array.from(values),
  }[dtype]();
  return { tensor: { dtype, shape, data }, isConstant };
}

const ints = (values: readonly number[]): OpInput => input([values.length], "int64", values, true);
const scalar = (value: number, dtype: DType = "float32"): OpInput => input([], dtype, [value], true);

type Drawn<K extends OpKind> = (r: Draw) => OpCase<K>;

const unary = (r: Draw): { inputs: OpInput[]; attributes: None } => ({
  inputs: [r.floats(r.shape(0))],
  attributes: {},
});

function binary(r: Draw): { inputs: OpInput[]; attributes: None } {
  const shape = r.shape(0);
  const inputs = [r.floats(shape), r.floats(r.part(shape))];
  return { inputs: r.flag() ? inputs : inputs.reverse(), attributes: {} };
}

function logical(r: Draw): { inputs: OpInput[]; attributes: None } {
  const shape = r.shape(0);
  return { inputs: [r.bools(shape), r.bools(r.part(shape))], attributes: {} };
}

function variadic(r: Draw): { inputs: OpInput[]; attributes: None } {
  const shape = r.shape(0);
  return {
    inputs: [r.floats(r.part(shape)), r.floats(shape), r.floats(r.part(shape))].slice(0, r.int(1, 3)),
    attributes: {},
  };
}

function reduce(r: Draw): { inputs: OpInput[]; attributes: Reduce } {
  const shape = r.shape(1);
  const axes = r.subset(shape.length).map((axis) => (r.flag() ? axis : axis - shape.length));
  const inputs = r.flag() ? [r.floats(shape)] : [r.floats(shape), ints(axes)];
  return { inputs, attributes: { keepdims: r.bit(), noop_with_empty_axes: r.bit() } };
}

function argument(r: Draw) {
  const shape = r.shape(1);
  const attributes = { axis: r.axis(shape.length), keepdims: r.bit(), select_last_index: r.bit() };
  return { inputs: [r.floats(shape)], attributes };
}

function alongAxis(r: Draw) {
  const shape = r.shape(1);
  return { inputs: [r.floats(shape)], attributes: { axis: r.axis(shape.length) } };
}

function window(r: Draw, rank: number): Window {
  const kernel = r.list(rank, 1, 3);
  return {
    kernel_shape: kernel,
    strides: r.list(rank, 1, 3),
    dilations: r.list(rank, 1, 2),
    pads: [...kernel, ...kernel].map((size) => r.int(0, size - 1)),
  };
}

function image(r: Draw, channels: number, rank: number): number[] {
  return [r.int(1, 2), channels, ...r.list(rank, 5, 9)];
}

function globalPool(r: Draw): { inputs: OpInput[]; attributes: None } {
  return { inputs: [r.floats(image(r, r.int(1, 3), r.int(1, 2)))], attributes: {} };
}

const LEFT_OUT = undefined;

const EPSILON = Math.fround(1e-5);

const OP_CASES: { readonly [K in OpKind]: Drawn<K> } = {
  Abs: unary,
  Ceil: unary,
  Cos: unary,
  Erf: unary,
  Exp: unary,
  Floor: unary,
  HardSwish: unary,
  Identity: unary,
  IsNaN: unary,
  Log: unary,
  Neg: unary,
  Reciprocal: unary,
  Relu: unary,
  Round: unary,
  Sigmoid: unary,
  Sign: unary,
  Sin: unary,
  Softplus: unary,
  Softsign: unary,
  Acos: unary,
  Asin: unary,
  Asinh: unary,
  Atan: unary,
  Atanh: unary,
  Cosh: unary,
  Mish: unary,
  Sinh: unary,
  Tan: unary,
  Acosh: (r) => ({ inputs: [input([2, 3], "float32", r.list(6, 2, 5))], attributes: {} }),
  Celu: (r) => ({ ...unary(r), attributes: { alpha: 0.5 } }),
  ThresholdedRelu: (r) => ({ ...unary(r), attributes: { alpha: 0.5 } }),
  Sqrt: unary,
  Tanh: unary,
  Elu: (r) => ({ ...unary(r), attributes: { alpha: 1 } }),
  Gelu: (r) => ({ ...unary(r), attributes: { approximate: r.pick("none", "tanh") } }),
  HardSigmoid: (r) => ({ ...unary(r), attributes: { alpha: 0.5, beta: 0.5 } }),
  LeakyRelu: (r) => ({ ...unary(r), attributes: { alpha: 0.5 } }),
  Selu: (r) => ({ ...unary(r), attributes: { alpha: 1, gamma: 1 } }),
  Not: (r) => ({ inputs: [r.bools(r.shape(0))], attributes: {} }),
  Cast: (r) => ({
    ...unary(r),
    attributes: { to: r.pick<DType>("float32", "float64", "int64", "int32", "int8", "uint8", "bool") },
  }),
  Clip: (r) => ({
    inputs: [r.floats(r.shape(0)), r.flag() ? scalar(0.2) : LEFT_OUT, scalar(0.7)],
    attributes: {},
  }),
  Dropout: (r) => ({
    inputs: [r.floats(r.shape()), scalar(0.5), scalar(r.bit(), "bool")],
    attributes: {},
    outputs: r.int(1, 2),
  }),
  Add: binary,
  Sub: binary,
  Mul: binary,
  Div: binary,
  Pow: binary,
  Equal: binary,
  Greater: binary,
  GreaterOrEqual: binary,
  Less: binary,
  LessOrEqual: binary,
  Mod: (r) => ({ ...binary(r), attributes: { fmod: 1 } }),
  PRelu: (r) => {
    const shape = r.shape();
    return { inputs: [r.floats(shape), r.floats(r.part(shape))], attributes: {} };
  },
  And: logical,
  Or: logical,
  Xor: logical,
  Max: variadic,
  Mean: variadic,
  Min: variadic,
  Sum: variadic,
  Where: (r) => {
    const shape = r.shape(0);
    return { inputs: [r.bools(r.part(shape)), r.floats(shape), r.floats(r.part(shape))], attributes: {} };
  },
  ReduceL1: reduce,
  ReduceL2: reduce,
  ReduceLogSum: reduce,
  ReduceLogSumExp: reduce,
  ReduceMax: reduce,
  ReduceMean: reduce,
  ReduceMin: reduce,
  ReduceProd: reduce,
  ReduceSum: reduce,
  ReduceSumSquare: reduce,
  ArgMax: argument,
  ArgMin: argument,
  CumSum: (r) => {
    const shape = r.shape();
    return {
      inputs: [r.floats(shape), scalar(r.axis(shape.length), "int64")],
      attributes: { exclusive: r.bit(), reverse: r.bit() },
    };
  },
  Softmax: alongAxis,
  LogSoftmax: alongAxis,
  Gemm: (r) => {
    const [m, k, n] = [r.int(1, 4), r.int(1, 4), r.int(1, 4)];
    const [transA, transB] = [r.bit(), r.bit()];
    const inputs = [r.floats(transA === 1 ? [k, m] : [m, k]), r.floats(transB === 1 ? [n, k] : [k, n])];
    if (r.flag()) inputs.push(r.floats(r.part([m, n])));
    return { inputs, attributes: { alpha: 1, beta: 0.5, transA, transB } };
  },
  MatMul: (r) => {
    const [m, k, n] = [r.int(1, 4), r.int(1, 4), r.int(1, 4)];
    const stack = r.shape(0, 2);
    const a = r.pick([k], [m, k], [...stack, m, k]);
    return { inputs: [r.floats(a), r.floats(r.pick([k], [k, n], [...r.part(stack), k, n]))], attributes: {} };
  },
  Einsum: (r) => {
    const [b, i, j, k] = [r.int(1, 3), r.int(1, 3), r.int(1, 3), r.int(1, 3)];
    return {
      inputs: [r.floats([b, i, j]), r.floats([b, j, k])],
      attributes: { equation: r.pick("bij,bjk->bik", "bij,bjk->k", "bij,bjk") },
    };
  },
  Conv: (r) => {
    const rank = r.int(1, 2);
    const [group, perGroup] = [r.int(1, 2), r.int(1, 2)];
    const features = group * r.int(1, 2);
    const attributes = { ...window(r, rank), group };
    const inputs = [
      r.floats(image(r, group * perGroup, rank)),
      r.floats([features, perGroup, ...attributes.kernel_shape]),
    ];
    if (r.flag()) inputs.push(r.floats([features]));
    return { inputs, attributes };
  },
  ConvTranspose: (r) => {
    const rank = r.int(1, 2);
    const [group, perGroup] = [r.int(1, 2), r.int(1, 2)];
    const attributes = { ...window(r, rank), group };
    const output_padding = attributes.strides.map((stride) => r.int(0, stride - 1));
    const channels = group * r.int(1, 2);
    const inputs = [
      r.floats(image(r, channels, rank)),
      r.floats([channels, perGroup, ...attributes.kernel_shape]),
    ];
    return { inputs, attributes: { ...attributes, output_padding } };
  },
  MaxPool: (r) => {
    const rank = r.int(1, 2);
    return {
      inputs: [r.floats(image(r, 2, rank))],
      attributes: { ...window(r, rank), ceil_mode: r.bit(), storage_order: 0 },
      outputs: r.int(1, 2),
    };
  },
  AveragePool: (r) => {
    const rank = r.int(1, 2);
    return {
      inputs: [r.floats(image(r, 2, rank))],
      attributes: { ...window(r, rank), ceil_mode: r.bit(), count_include_pad: r.bit() },
    };
  },
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,
  BatchNormalization: (r) => {
    const channels = r.int(1, 3);
    const training = r.bit();
    const inputs = [
      r.floats(image(r, channels, r.int(1, 2))),
      ...[1, 2, 3, 4].map(() => r.floats([channels])),
    ];
    return {
      inputs,
      attributes: { epsilon: EPSILON, momentum: 0.5, training_mode: training },
      outputs: training === 1 ? 3 : 1,
    };
  },
  InstanceNormalization: (r) => {
    const channels = r.int(1, 3);
    return {
      inputs: [r.floats(image(r, channels, 2)), r.floats([channels]), r.floats([channels])],
      attributes: { epsilon: EPSILON },
    };
  },
  LayerNormalization: (r) => {
    const shape = r.shape(2);
    const axis = r.int(1, shape.length - 1);
    const inputs = [r.floats(shape), r.floats(shape.slice(axis))];
    if (r.flag()) inputs.push(r.floats(shape.slice(axis)));
    return {
      inputs,
      attributes: { axis: r.flag() ? axis : axis - shape.length, epsilon: EPSILON, stash_type: 1 },
      outputs: r.pick(1, 3),
    };
  },
  Concat: (r) => {
    const shape = r.shape();
    const axis = r.axis(shape.length);
    const at = axis < 0 ? axis + shape.length : axis;
    return {
      inputs: r.list(r.int(1, 3), 1, 3).map((dim) => r.floats(shape.with(at, dim))),
      attributes: { axis },
    };
  },
  ConstantOfShape: (r) => {
    const value: Tensor = { dtype: "int64", shape: [1], data: BigInt64Array.of(7n) };
    return { inputs: [ints(r.shape())], attributes: { value } };
  },
  DepthToSpace: (r) => ({
    inputs: [r.floats([1, 8, r.int(1, 3), r.int(1, 3)])],
    attributes: { blocksize: 2, mode: r.pick("DCR", "CRD") },
  }),
  SpaceToDepth: (r) => ({ inputs: [r.floats([1, r.int(1, 3), 4, 6])], attributes: { blocksize: 2 } }),
  Expand: (r) => {
    const shape = r.shape();
    return { inputs: [r.floats(r.part(shape)), ints(r.flag() ? shape : r.part(shape))], attributes: {} };
  },
  Flatten: (r) => {
    const shape = r.shape();
    return { inputs: [r.floats(shape)], attributes: { axis: r.int(-shape.length, shape.length) } };
  },
  Gather: (r) => {
    const shape = r.shape();
    const axis = r.axis(shape.length);
    return { inputs: [r.floats(shape), r.indices(r.shape(0, 2), shape.at(axis) ?? 1)], attributes: { axis } };
  },
  GatherElements: (r) => {
    const shape = r.shape();
    const axis = r.axis(shape.length);
    const indices = shape.with(axis, r.int(1, 5));
    return { inputs: [r.floats(shape), r.indices(indices, shape.at(axis) ?? 1)], attributes: { axis } };
  },
  GatherND: (r) => {
    const batch = r.int(0, 1);
    const shape = [2, ...r.shape(2, 3)];
    const depth = r.int(1, shape.length - batch);
    return {
      inputs: [r.floats(shape), r.indices([...shape.slice(0, batch), r.int(1, 3), depth], 1)],
      attributes: { batch_dims: batch },
    };
  },
  OneHot: (r) => {
    const shape = r.shape(1, 3);
    return {
      inputs: [r.indices(shape, 3), scalar(r.int(1, 5), "int64"), r.floats([2])],
      attributes: { axis: r.axis(shape.length + 1) },
    };
  },
  Pad: (r) => {
    const shape = r.shape();
    const axes = r.flag() ? r.subset(shape.length) : undefined;
    const pads = ints(r.list(2 * (axes ?? shape).length, 0, 2));
    return {
      inputs: axes === undefined ? [r.floats(shape), pads] : [r.floats(shape), pads, LEFT_OUT, ints(axes)],
      attributes: { mode: "constant" },
    };
  },
  Range: (r) => ({
    inputs: [
      scalar(r.int(-3, 3), "int64"),
      scalar(r.int(-9, 9), "int64"),
      scalar(r.pick(1, 2, -1, -2), "int64"),
    ],
    attributes: {},
  }),
  Reshape: (r) => {
    const [a, b, c] = [r.int(1, 3), r.int(1, 3), r.int(1, 3)];
    const target = r.pick([a * b, c], [-1], [0, -1], [a, b * c, 1], [c, -1, b], [0, 0, 0]);
    return { inputs: [r.floats([a, b, c]), ints(target)], attributes: { allowzero: 0 } };
  },
  Resize: (r) => {
    const shape = [1, r.int(1, 2), r.int(2, 4), r.int(2, 4)];
    const inputs = r.flag()
      ? [r.floats(shape), LEFT_OUT, input([4], "float32", [1, 1, r.pick(2, 1.5, 0.5), 2], true)]
      : [r.floats(shape), LEFT_OUT, LEFT_OUT, ints([1, shape[1] ?? 1, r.int(1, 8), r.int(1, 8)])];
    const { mode, coordinate_transformation_mode, nearest_mode } = {
      mode: r.pick("nearest", "linear"),
      coordinate_transformation_mode: r.pick("half_pixel", "asymmetric"),
      nearest_mode: r.pick("floor", "round_prefer_floor"),
    } as const;
    return {
      inputs,
      attributes: {
        mode,
        coordinate_transformation_mode,
        nearest_mode,
        antialias: 0,
        cubic_coeff_a: -0.75,
        exclude_outside: 0,
        extrapolation_value: 0,
        keep_aspect_ratio_policy: "stretch",
      },
    };
  },
  ScatterElements: (r) => {
    const shape = r.shape();
    const axis = r.axis(shape.length);
    return {
      inputs: [r.floats(shape), r.indices(shape, shape.at(axis) ?? 1), r.floats(shape)],
      attributes: { axis, reduction: r.pick("none", "add", "mul", "max", "min") },
    };
  },
  ScatterND: (r) => {
    const shape = r.shape(2, 4);
    const depth = r.int(1, shape.length);
    const count = r.int(1, 3);
    return {
      inputs: [r.floats(shape), r.indices([count, depth], 1), r.floats([count, ...shape.slice(depth)])],
      attributes: { reduction: r.pick("none", "add", "mul") },
    };
  },
  Shape: (r) => ({
    inputs: [r.floats(r.shape(0))],
    attributes: r.flag() ? { start: 0 } : { start: r.int(-3, 3), end: r.int(-5, 5) },
  }),
  Size: unary,
  Slice: (r) => {
    const shape = r.shape();
    const axes = r.subset(shape.length);
    const bound = () => ints(axes.map(() => r.pick(-9, -2, -1, 0, 1, 2, 9)));
    const named = [
      r.floats(shape),
      bound(),
      bound(),
      ints(axes.map((axis) => (r.flag() ? axis : axis - shape.length))),
    ];
    return {
      inputs: r.flag() ? named : [...named, ints(axes.map(() => r.pick(1, 2, -1, -2)))],
      attributes: {},
    };
  },
  Split: (r) => {
    const shape = r.shape();
    const axis = r.axis(shape.length);
    const sizes = r.list(r.int(1, 3), 1, 3);
    if (r.flag()) {
      const whole = sizes.reduce((sum, size) => sum + size, 0);
      return {
        inputs: [r.floats(shape.with(axis, whole)), ints(sizes)],
        attributes: { axis },
        outputs: sizes.length,
      };
    }
    return {
      inputs: [r.floats(shape.with(axis, r.pick(5, 6)))],
      attributes: { axis, num_outputs: sizes.length },
      outputs: sizes.length,
    };
  },
  Squeeze: (r) => {
    const shape = r.shape(1, 5).map((dim) => (r.flag() ? 1 : dim));
    const ones = shape.flatMap((dim, i) => (dim === 1 && r.flag() ? [r.flag() ? i : i - shape.length] : []));
    return { inputs: r.flag() ? [r.floats(shape)] : [r.floats(shape), ints(ones)], attributes: {} };
  },
  Tile: (r) => {
    const shape = r.shape();
    return { inputs: [r.floats(shape), ints(r.list(shape.length, 1, 3))], attributes: {} };
  },
  Transpose: (r) => {
    const shape = r.shape();
    return { inputs: [r.floats(shape)], attributes: { perm: r.permutation(shape.length) } };
  },
  Trilu: (r) => ({
    inputs: [r.floats(r.shape(2)), scalar(r.int(-2, 2), "int64")],
    attributes: { upper: r.bit() },
  }),
  Unsqueeze: (r) => {
    const shape = r.shape(0, 3);
    const added = r.int(1, 2);
    const axes = r.permutation(shape.length + added).slice(0, added);
    return { inputs: [r.floats(shape), ints(axes)], attributes: {} };
  },
  Scan: (r) => {
    const width = r.int(1, 4);
    const row = { dtype: "float32", shape: [width] } as const;
    const body = {
      name: "body",
      inputs: ["state", "row"].map((name) => ({ name, type: row })),
      outputs: ["next", "out"].map((name) => ({ name, type: row })),
      initializers: new Map(),
      nodes: [
        { op: "Add", name: "add", inputs: ["state", "row"], outputs: ["next"], attributes: {} },
        { op: "Mul", name: "mul", inputs: ["next", "row"], outputs: ["out"], attributes: {} },
      ],
    } as const;
    const axis = r.int(0, 1);
    const steps = r.int(1, 4);
    const sequence = axis === 0 ? [steps, width] : [width, steps];
    const attributes = { body, num_scan_inputs: 1, scan_input_axes: [axis], scan_output_axes: [r.int(0, 1)] };
    return { inputs: [r.floats([width]), r.floats(sequence)], attributes, outputs: 2 };
  },
};

export const OP_KINDS = Object.keys(OPS).filter((name): name is OpKind => Object.hasOwn(OP_CASES, name));

export function drawCase(op: OpKind, seed: number): OpCase {
  return OP_CASES[op](new Draw(seed));
}
