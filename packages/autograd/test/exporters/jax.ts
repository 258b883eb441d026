/**
 * Models as jax2onnx spells JAX: dot_general as Gemm with a bias of nothing, or Einsum; softmax and norms in the parts that
 * lax has; lookups whose indices are wrapped and clamped; modules as functions; fori_loop as a Loop, scan as a Scan.
 */
import { f32, i64, int, ints, text, wave } from "../../src/onnx/testing/file-model.ts";
import { type Exported, exported, node, ROWS, tokens } from "./exported.ts";

const [TIME, WIDTH, VOCABULARY] = [4, 6, 7];
const scalar = (value: number) => f32([], [value]);

/** jax.nn.softmax: the largest is taken off first, behind stop_gradient. */
const softmax = (x: string, y: string) => [
  node("ReduceMax", [x, "last"], `${y}_max`, int("keepdims", 1)),
  node("Max", ["minus_inf", `${y}_max`], `${y}_max_0`),
  node("Identity", [`${y}_max_0`], `${y}_stop`),
  node("Sub", [x, `${y}_stop`], `${y}_sub`),
  node("Exp", [`${y}_sub`], `${y}_exp`),
  node("ReduceSum", [`${y}_exp`, "last"], `${y}_sum`, int("keepdims", 1)),
  node("Div", [`${y}_exp`, `${y}_sum`], y),
];

/** flax.nnx.LayerNorm: mean of squares less square of mean, never below 0; rsqrt as a quotient. */
const layerNorm = (x: string, scale: string, bias: string, y: string) => [
  node("ReduceMean", [x, "last"], `${y}_mean`, int("keepdims", 1)),
  node("Mul", [x, x], `${y}_square`),
  node("ReduceMean", [`${y}_square`, "last"], `${y}_mean2`, int("keepdims", 1)),
  node("Mul", [`${y}_mean`, `${y}_mean`], `${y}_mean_square`),
  node("Sub", [`${y}_mean2`, `${y}_mean_square`], `${y}_sub`),
  node("Max", [`${y}_sub`, "zero"], `${y}_var`),
  node("Sub", [x, `${y}_mean`], `${y}_centred`),
  node("Add", [`${y}_var`, "epsilon"], `${y}_add`),
  node("Sqrt", [`${y}_add`], `${y}_sqrt`),
  node("Div", ["one", `${y}_sqrt`], `${y}_rsqrt`),
  node("Reshape", [scale, "row"], `${y}_scale`),
  node("Mul", [`${y}_rsqrt`, `${y}_scale`], `${y}_mul`),
  node("Mul", [`${y}_centred`, `${y}_mul`], `${y}_scaled`),
  node("Reshape", [bias, "row"], `${y}_bias`),
  node("Add", [`${y}_scaled`, `${y}_bias`], y),
];

/** dot_general over the last axis of three: flattened, a Gemm whose bias is the number 0, and back. */
const dot = (x: string, kernel: string, y: string) => [
  node("Reshape", [x, "rows_by_width"], `${y}_in`),
  node("Gemm", [`${y}_in`, kernel, "zero"], `${y}_gemm`, int("transB", 0)),
  node("Reshape", [`${y}_gemm`, "rows_by_time"], y),
];

const transformer: Exported = exported({
  name: "jax2onnx: transformer block",
  opset: 21,
  inputs: new Map([["in_0", tokens([ROWS, TIME], VOCABULARY)]]),
  open: { in_0: ["B", TIME] },
  outputs: ["out_0"],
  weights: {
    "embed.embedding": [VOCABULARY, WIDTH],
    "q.kernel": [WIDTH, WIDTH],
    "k.kernel": [WIDTH, WIDTH],
    "v.kernel": [WIDTH, WIDTH],
    "norm.scale": [WIDTH],
    "norm.bias": [WIDTH],
    "mlp.kernel": [WIDTH, WIDTH],
    "mlp.bias": [WIDTH],
  },
  tables: {
    last: i64([1], [-1]),
    minus_inf: scalar(Number.NEGATIVE_INFINITY),
    zero: scalar(0),
    one: scalar(1),
    epsilon: scalar(1e-6),
    row: i64([3], [1, 1, WIDTH]),
    rows_by_width: i64([2], [-1, WIDTH]),
    rows_by_time: i64([3], [-1, TIME, WIDTH]),
    nothing: i64([], [0]),
    size: i64([], [VOCABULARY]),
    largest: i64([], [VOCABULARY - 1]),
    scale: scalar(1 / Math.sqrt(WIDTH)),
    cubic: scalar(0.044715),
    root: scalar(Math.sqrt(2 / Math.PI)),
    half: scalar(0.5),
    lowest: scalar(-3.4028234663852886e38),
  },
  nodes: [
    // take(mode="clip"): negative indices count from the end, the rest stays inside.
    node("Less", ["in_0", "nothing"], "lt"),
    node("Add", ["in_0", "size"], "wrapped"),
    node("Where", ["lt", "wrapped", "in_0"], "select_n"),
    node("Max", ["select_n", "nothing"], "clamp_low"),
    node("Min", ["clamp_low", "largest"], "clamped"),
    node("Unsqueeze", ["clamped", "last"], "places"),
    node("GatherND", ["embed.embedding", "places"], "x", int("batch_dims", 0)),
    ...dot("x", "q.kernel", "q"),
    ...dot("x", "k.kernel", "k"),
    ...dot("x", "v.kernel", "v"),
    node("Einsum", ["q", "k"], "scores", text("equation", "BTN,BSN->BTS")),
    node("Mul", ["scores", "scale"], "scaled"),
    // tril from iotas.
    node("Constant", [], "iota_end", { name: "value_int", type: 2, i: BigInt(TIME) }),
    node("Constant", [], "iota_step", { name: "value_int", type: 2, i: 1n }),
    node("Range", ["nothing", "iota_end", "iota_step"], "iota"),
    node("Constant", [], "column", { name: "value_ints", type: 7, ints: [1n] }),
    node("Unsqueeze", ["iota", "column"], "iota_rows"),
    node("GreaterOrEqual", ["iota_rows", "iota"], "tril"),
    node("Where", ["tril", "scaled", "lowest"], "masked"),
    ...softmax("masked", "shares"),
    node("Einsum", ["shares", "v"], "mixed", text("equation", "BTS,BSN->BTN")),
    node("Add", ["x", "mixed"], "residual"),
    ...layerNorm("residual", "norm.scale", "norm.bias", "normed"),
    ...dot("normed", "mlp.kernel", "product"),
    node("Reshape", ["mlp.bias", "row"], "mlp_bias"),
    node("Add", ["product", "mlp_bias"], "h"),
    // gelu(approximate=True), x³ as integer_pow.
    node("Mul", ["h", "h"], "h2"),
    node("Mul", ["h2", "h"], "h3"),
    node("Mul", ["cubic", "h3"], "cube"),
    node("Add", ["h", "cube"], "inner"),
    node("Mul", ["root", "inner"], "angle"),
    node("Tanh", ["angle"], "tanh"),
    node("Add", ["one", "tanh"], "one_more"),
    node("Mul", ["half", "one_more"], "cdf"),
    node("Mul", ["h", "cdf"], "out_0"),
  ],
});

const typed = (name: string, dims: readonly (number | string)[], elemType = 1) => {
  const dim = dims.map((size) =>
    typeof size === "number"
      ? { value: { case: "dimValue", value: BigInt(size) } }
      : { value: { case: "dimParam", value: size } },
  );
  return { name, type: { value: { case: "tensorType", value: { elemType, shape: { dim } } } } };
};

/** A module as a function, called once for each of its instances; channels last around Conv; fori_loop and scan. */
const modules: Exported = exported({
  name: "jax2onnx: modules as functions, fori_loop, scan",
  opset: 21,
  domains: { "custom.Block.1": 1 },
  inputs: new Map([["in_0", wave([ROWS, 4, 4, 2], 1)]]),
  open: { in_0: ["B", 4, 4, 2] },
  outputs: ["out_0"],
  weights: {
    "block1.kernel": [3, 3, 2, 3],
    "block1.bias": [3],
    "block2.kernel": [3, 3, 3, 3],
    "block2.bias": [3],
    "loop.kernel": [3, 3],
    "scan.kernel": [3, 3],
  },
  tables: {
    space: i64([2], [1, 2]),
    trips: i64([], [3]),
    steps: i64([3], [-1, 16, 3]),
    last: i64([1], [-1]),
    zero: scalar(0),
  },
  nodes: [
    { ...node("Block", ["in_0", "block1.kernel", "block1.bias"], "block_1"), domain: "custom.Block.1" },
    { ...node("Block", ["block_1", "block2.kernel", "block2.bias"], "block_2"), domain: "custom.Block.1" },
    node("ReduceMean", ["block_2", "space"], "pooled", int("keepdims", 0)),
    {
      ...node("Constant", [], "going", {
        name: "value",
        type: 4,
        t: { dataType: 9, dims: [], int32Data: [1] },
      }),
    },
    node("Loop", ["trips", "going", "pooled"], "looped", {
      name: "body",
      type: 5,
      g: {
        name: "fori_body",
        input: [typed("i", [], 7), typed("cond", [], 9), typed("carry", ["B", 3])],
        output: [typed("cond_out", [], 9), typed("carry_out", ["B", 3])],
        node: [
          node("MatMul", ["carry", "loop.kernel"], "body_dot"),
          node("Tanh", ["body_dot"], "carry_out"),
          node("Identity", ["cond"], "cond_out"),
        ],
      },
    }),
    node("Reshape", ["block_2", "steps"], "sequence"),
    node("Transpose", ["sequence"], "xs", ints("perm", [1, 0, 2])),
    node(
      "Scan",
      ["looped", "xs"],
      ["carry_n", "ys"],
      {
        name: "body",
        type: 5,
        g: {
          name: "scan_body",
          input: [typed("c", ["B", 3]), typed("x_t", ["B", 3])],
          output: [typed("c_next", ["B", 3]), typed("y_t", ["B", 3])],
          node: [
            node("MatMul", ["c", "scan.kernel"], "scan_dot"),
            node("Add", ["scan_dot", "x_t"], "scan_add"),
            node("Sigmoid", ["scan_add"], "c_next"),
            node("Identity", ["c_next"], "y_t"),
          ],
        },
      },
      int("num_scan_inputs", 1),
    ),
    node("Constant", [], "first", { name: "value_ints", type: 7, ints: [0n] }),
    node("ReduceMax", ["ys", "first"], "peak", int("keepdims", 0)),
    node("Sub", ["carry_n", "peak"], "out_0"),
  ],
  functions: [
    {
      domain: "custom.Block.1",
      name: "Block",
      input: ["f_in", "kernel", "bias"],
      output: ["f_out"],
      node: [
        node("Transpose", ["f_in"], "nchw", ints("perm", [0, 3, 1, 2])),
        node("Transpose", ["kernel"], "oihw", ints("perm", [3, 2, 0, 1])),
        node("Conv", ["nchw", "oihw"], "conv", text("auto_pad", "SAME_UPPER"), ints("strides", [1, 1])),
        node("Transpose", ["conv"], "nhwc", ints("perm", [0, 2, 3, 1])),
        node("Add", ["nhwc", "bias"], "biased"),
        node("Constant", [], "nought", { name: "value_float", type: 1, f: 0 }),
        node("Max", ["biased", "nought"], "f_out"),
      ],
    },
  ],
});

export const JAX: readonly Exported[] = [transformer, modules];
