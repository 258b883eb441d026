/**
 * The op set: every operator the engine knows, with its attributes (ONNX names, meaning as of CANONICAL_OPSET).
 *
 * One table, OPS, is read by the reader (defaults, kinds), the verifier (arity) and the writer. Attributes without
 * `?` are always present in a Graph: the reader fills in defaults, and derives from shapes what ONNX leaves out
 * (`kernel_shape`, `strides`, `dilations`, `pads`, `perm`). ONNX booleans stay numbers, 0 or 1. Axes may be
 * negative, counted from the end. `auto_pad` never appears: the reader turns it into `pads`.
 * SOURCE: https://onnx.ai/onnx/operators/
 */
import type { Graph } from "./graph.ts";
import type { DType, Tensor } from "./tensor.ts";

/** No attributes. */
export type None = { readonly [name in never]: never };

interface Axis {
  readonly axis: number;
}

/** `pads` holds all begins, then all ends. */
export interface Window {
  readonly kernel_shape: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
}

/** Input 1, int64[n], holds the axes; without it all axes are reduced, or none if `noop_with_empty_axes`. */
export interface Reduce {
  readonly keepdims: number;
  readonly noop_with_empty_axes: number;
}

type CurveOp =
  | ("Acos" | "Acosh" | "Asin" | "Asinh" | "Atan" | "Atanh")
  | ("Cos" | "Cosh" | "Sin" | "Sinh" | "Tan" | "Tanh");

export interface OpAttributes extends Readonly<Record<CurveOp, None>> {
  // Elementwise, one input
  Abs: None;
  Celu: { readonly alpha: number };
  Mish: None;
  ThresholdedRelu: { readonly alpha: number };
  Ceil: None;
  Elu: { readonly alpha: number };
  Erf: None;
  Exp: None;
  Floor: None;
  Gelu: { readonly approximate: "none" | "tanh" };
  HardSigmoid: { readonly alpha: number; readonly beta: number };
  HardSwish: None;
  Identity: None;
  IsNaN: None;
  LeakyRelu: { readonly alpha: number };
  Log: None;
  Neg: None;
  Not: None;
  Reciprocal: None;
  Relu: None;
  Round: None;
  Selu: { readonly alpha: number; readonly gamma: number };
  Sigmoid: None;
  Sign: None;
  Softplus: None;
  Softsign: None;
  Sqrt: None;
  Cast: { readonly to: DType };
  /** x, min?, max? (scalars). */
  Clip: None;
  /** x, ratio?, training_mode? → y, mask? */
  Dropout: { readonly seed?: number };

  // Elementwise, with broadcasting
  Add: None;
  Sub: None;
  Mul: None;
  Div: None;
  Mod: { readonly fmod: number };
  Pow: None;
  PRelu: None;
  And: None;
  Or: None;
  Xor: None;
  Equal: None;
  Greater: None;
  GreaterOrEqual: None;
  Less: None;
  LessOrEqual: None;
  /** Variadic. */
  Max: None;
  Mean: None;
  Min: None;
  Sum: None;
  /** condition, x, y */
  Where: None;

  // Reductions: x, axes?
  ReduceL1: Reduce;
  ReduceL2: Reduce;
  ReduceLogSum: Reduce;
  ReduceLogSumExp: Reduce;
  ReduceMax: Reduce;
  ReduceMean: Reduce;
  ReduceMin: Reduce;
  ReduceProd: Reduce;
  ReduceSum: Reduce;
  ReduceSumSquare: Reduce;
  ArgMax: Axis & { readonly keepdims: number; readonly select_last_index: number };
  ArgMin: Axis & { readonly keepdims: number; readonly select_last_index: number };
  /** x, axis (scalar) */
  CumSum: { readonly exclusive: number; readonly reverse: number };
  Softmax: Axis;
  LogSoftmax: Axis;

  // Linear algebra
  /** a, b, c? */
  Gemm: { readonly alpha: number; readonly beta: number; readonly transA: number; readonly transB: number };
  MatMul: None;
  Einsum: { readonly equation: string };

  // Convolution and pooling, [N, C, …]
  /** x, w, b? */
  Conv: Window & { readonly group: number };
  /** x, w, b?; `output_shape` never appears: the reader turns it into `pads` and `output_padding`. */
  ConvTranspose: Window & { readonly group: number; readonly output_padding: readonly number[] };
  /** x → y, indices? */
  MaxPool: Window & { readonly ceil_mode: number; readonly storage_order: number };
  AveragePool: Window & { readonly ceil_mode: number; readonly count_include_pad: number };
  GlobalAveragePool: None;
  GlobalMaxPool: None;

  // Normalization
  /** x, scale, bias, mean, var → y, running_mean?, running_var? (the two only when training_mode is 1) */
  BatchNormalization: { readonly epsilon: number; readonly momentum: number; readonly training_mode: number };
  /** x, scale, bias */
  InstanceNormalization: { readonly epsilon: number };
  /** x, scale, bias? → y, mean?, invStdDev? */
  LayerNormalization: Axis & { readonly epsilon: number; readonly stash_type: number };

  // Movement
  Concat: Axis;
  /** shape → filled with the one element of `value`. */
  ConstantOfShape: { readonly value: Tensor };
  DepthToSpace: { readonly blocksize: number; readonly mode: "DCR" | "CRD" };
  /** x, shape */
  Expand: None;
  Flatten: Axis;
  /** x, indices */
  Gather: Axis;
  GatherElements: Axis;
  GatherND: { readonly batch_dims: number };
  /** indices, depth, values */
  OneHot: Axis;
  /** x, pads, constant_value?, axes? */
  Pad: { readonly mode: "constant" | "reflect" | "edge" | "wrap" };
  /** start, limit, delta */
  Range: None;
  /** x, shape */
  Reshape: { readonly allowzero: number };
  /** x, roi?, scales?, sizes? */
  Resize: {
    readonly mode: "nearest" | "linear" | "cubic";
    readonly coordinate_transformation_mode:
      | "half_pixel"
      | "half_pixel_symmetric"
      | "pytorch_half_pixel"
      | "align_corners"
      | "asymmetric";
    readonly nearest_mode: "round_prefer_floor" | "round_prefer_ceil" | "floor" | "ceil";
    readonly antialias: number;
    readonly cubic_coeff_a: number;
    readonly exclude_outside: number;
    readonly extrapolation_value: number;
    readonly keep_aspect_ratio_policy: "stretch";
    readonly axes?: readonly number[];
  };
  /** x, indices, updates */
  ScatterElements: Axis & { readonly reduction: ScatterReduction };
  ScatterND: { readonly reduction: ScatterReduction };
  Shape: { readonly start: number; readonly end?: number };
  Size: None;
  /** x, starts, ends, axes?, steps? */
  Slice: None;
  SpaceToDepth: { readonly blocksize: number };
  /** x, split?; `num_outputs` exactly when there is no `split`. */
  Split: Axis & { readonly num_outputs?: number };
  /** x, axes? */
  Squeeze: None;
  /** x, repeats */
  Tile: None;
  Transpose: { readonly perm: readonly number[] };
  /** x, k? */
  Trilu: { readonly upper: number };
  /** x, axes */
  Unsqueeze: None;

  // Control
  /** …states, …sequences → …states, …stacked. The body may read values of the graphs around it. */
  Scan: {
    readonly body: Graph;
    readonly num_scan_inputs: number;
    readonly scan_input_axes?: readonly number[];
    readonly scan_input_directions?: readonly number[];
    readonly scan_output_axes?: readonly number[];
    readonly scan_output_directions?: readonly number[];
  };
}

export type ScatterReduction = "none" | "add" | "mul" | "max" | "min";
export type OpKind = keyof OpAttributes;

export type AttributeValue = number | string | readonly number[] | Tensor | Graph;

type KindOf<V> = V extends number
  ? "int" | "float"
  : V extends string
    ? "string" | "dtype"
    : V extends readonly number[]
      ? "ints"
      : V extends Tensor
        ? "tensor"
        : "graph";

export type AttributeKind = KindOf<AttributeValue>;

/**
 * `values`: the only ones a string attribute may have.
 * `required`: a model without it is refused. `derived`: the reader works it out from shapes. `optional`: may stay absent.
 */
export type AttributeSpec<V> = { readonly kind: KindOf<V>; readonly values?: readonly V[] } & (
  | { readonly default: V }
  | { readonly presence: "required" | "derived" | "optional" }
);

export interface OpSpec<K extends OpKind> {
  /** How many inputs, optional ones included; those beyond `min` may be "" or absent. */
  readonly inputs: { readonly min: number; readonly max: number };
  readonly outputs: { readonly min: number; readonly max: number };
  readonly attributes: {
    readonly [A in keyof OpAttributes[K]]-?: AttributeSpec<NonNullable<OpAttributes[K][A]>>;
  };
}

const MANY = Number.POSITIVE_INFINITY;

function arity<A>(inputsMin: number, inputsMax: number, attributes: A, outputsMax = 1) {
  return {
    inputs: { min: inputsMin, max: inputsMax },
    outputs: { min: 1, max: outputsMax },
    attributes,
  };
}

const int = (value: number) => ({ kind: "int", default: value }) as const;
const float = (value: number) => ({ kind: "float", default: value }) as const;
/** One of a few words, the first of which is the default. */
function word<const V extends string>(...values: readonly [V, ...V[]]) {
  return { kind: "string", default: values[0], values } as const;
}

const unary = arity(1, 1, {});
const binary = arity(2, 2, {});
const variadic = arity(1, MANY, {});
const reduce = arity(1, 2, { keepdims: int(1), noop_with_empty_axes: int(0) });
const argument = arity(1, 1, { axis: int(0), keepdims: int(1), select_last_index: int(0) });
const window = {
  kernel_shape: { kind: "ints", presence: "derived" },
  strides: { kind: "ints", presence: "derived" },
  dilations: { kind: "ints", presence: "derived" },
  pads: { kind: "ints", presence: "derived" },
} as const;
const optionalInts = { kind: "ints", presence: "optional" } as const;

export const OPS: { readonly [K in OpKind]: OpSpec<K> } = {
  Abs: unary,
  Acos: unary,
  Acosh: unary,
  Asin: unary,
  Asinh: unary,
  Atan: unary,
  Atanh: unary,
  Celu: arity(1, 1, { alpha: float(1) }),
  Cosh: unary,
  Mish: unary,
  Sinh: unary,
  Tan: unary,
  ThresholdedRelu: arity(1, 1, { alpha: float(1) }),
  Ceil: unary,
  Cos: unary,
  Elu: arity(1, 1, { alpha: float(1) }),
  Erf: unary,
  Exp: unary,
  Floor: unary,
  Gelu: arity(1, 1, { approximate: word("none", "tanh") }),
  HardSigmoid: arity(1, 1, { alpha: float(Math.fround(0.2)), beta: float(0.5) }),
  HardSwish: unary,
  Identity: unary,
  IsNaN: unary,
  LeakyRelu: arity(1, 1, { alpha: float(Math.fround(0.01)) }),
  Log: unary,
  Neg: unary,
  Not: unary,
  Reciprocal: unary,
  Relu: unary,
  Round: unary,
  // SOURCE: defaults of ONNX Selu-6, shortest digits that round to its float32 constants.
  Selu: arity(1, 1, {
    alpha: float(Math.fround(1.6732632)),
    gamma: float(Math.fround(1.050701)),
  }),
  Sigmoid: unary,
  Sign: unary,
  Sin: unary,
  Softplus: unary,
  Softsign: unary,
  Sqrt: unary,
  Tanh: unary,
  Cast: arity(1, 1, { to: { kind: "dtype", presence: "required" } }),
  Clip: arity(1, 3, {}),
  Dropout: arity(1, 3, { seed: { kind: "int", presence: "optional" } }, 2),

  Add: binary,
  Sub: binary,
  Mul: binary,
  Div: binary,
  Mod: arity(2, 2, { fmod: int(0) }),
  Pow: binary,
  PRelu: binary,
  And: binary,
  Or: binary,
  Xor: binary,
  Equal: binary,
  Greater: binary,
  GreaterOrEqual: binary,
  Less: binary,
  LessOrEqual: binary,
  Max: variadic,
  Mean: variadic,
  Min: variadic,
  Sum: variadic,
  Where: arity(3, 3, {}),

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
  CumSum: arity(2, 2, { exclusive: int(0), reverse: int(0) }),
  Softmax: arity(1, 1, { axis: int(-1) }),
  LogSoftmax: arity(1, 1, { axis: int(-1) }),

  Gemm: arity(2, 3, { alpha: float(1), beta: float(1), transA: int(0), transB: int(0) }),
  MatMul: binary,
  Einsum: arity(1, MANY, { equation: { kind: "string", presence: "required" } }),

  Conv: arity(2, 3, { ...window, group: int(1) }),
  ConvTranspose: arity(2, 3, {
    ...window,
    group: int(1),
    output_padding: { kind: "ints", presence: "derived" },
  }),
  MaxPool: arity(1, 1, { ...window, ceil_mode: int(0), storage_order: int(0) }, 2),
  AveragePool: arity(1, 1, { ...window, ceil_mode: int(0), count_include_pad: int(0) }),
  GlobalAveragePool: unary,
  GlobalMaxPool: unary,

  BatchNormalization: arity(
    5,
    5,
    { epsilon: float(Math.fround(1e-5)), momentum: float(Math.fround(0.9)), training_mode: int(0) },
    3,
  ),
  InstanceNormalization: arity(3, 3, { epsilon: float(Math.fround(1e-5)) }),
  LayerNormalization: arity(
    2,
    3,
    { axis: int(-1), epsilon: float(Math.fround(1e-5)), stash_type: int(1) },
    3,
  ),

  Concat: arity(1, MANY, { axis: { kind: "int", presence: "required" } }),
  ConstantOfShape: arity(1, 1, {
    value: { kind: "tensor", default: { dtype: "float32", shape: [1], data: new Float32Array(1) } },
  }),
  DepthToSpace: arity(1, 1, { blocksize: { kind: "int", presence: "required" }, mode: word("DCR", "CRD") }),
  Expand: binary,
  Flatten: arity(1, 1, { axis: int(1) }),
  Gather: arity(2, 2, { axis: int(0) }),
  GatherElements: arity(2, 2, { axis: int(0) }),
  GatherND: arity(2, 2, { batch_dims: int(0) }),
  OneHot: arity(3, 3, { axis: int(-1) }),
  Pad: arity(2, 4, { mode: word("constant", "reflect", "edge", "wrap") }),
  Range: arity(3, 3, {}),
  Reshape: arity(2, 2, { allowzero: int(0) }),
  Resize: arity(1, 4, {
    mode: word("nearest", "linear", "cubic"),
    coordinate_transformation_mode: word(
      "half_pixel",
      "half_pixel_symmetric",
      "pytorch_half_pixel",
      "align_corners",
      "asymmetric",
    ),
    nearest_mode: word("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"),
    antialias: int(0),
    cubic_coeff_a: float(-0.75),
    exclude_outside: int(0),
    extrapolation_value: float(0),
    keep_aspect_ratio_policy: word("stretch"),
    axes: optionalInts,
  }),
  ScatterElements: arity(3, 3, { axis: int(0), reduction: word("none", "add", "mul", "max", "min") }),
  ScatterND: arity(3, 3, { reduction: word("none", "add", "mul", "max", "min") }),
  Shape: arity(1, 1, { start: int(0), end: { kind: "int", presence: "optional" } }),
  Size: unary,
  Slice: arity(3, 5, {}),
  SpaceToDepth: arity(1, 1, { blocksize: { kind: "int", presence: "required" } }),
  Split: arity(1, 2, { axis: int(0), num_outputs: { kind: "int", presence: "optional" } }, MANY),
  Squeeze: arity(1, 2, {}),
  Tile: binary,
  Transpose: arity(1, 1, { perm: { kind: "ints", presence: "derived" } }),
  Trilu: arity(1, 2, { upper: int(1) }),
  Unsqueeze: binary,

  Scan: arity(
    1,
    MANY,
    {
      body: { kind: "graph", presence: "required" },
      num_scan_inputs: { kind: "int", presence: "required" },
      scan_input_axes: optionalInts,
      scan_input_directions: optionalInts,
      scan_output_axes: optionalInts,
      scan_output_directions: optionalInts,
    },
    MANY,
  ),
};

export function isOpKind(name: string): name is OpKind {
  return Object.hasOwn(OPS, name);
}
