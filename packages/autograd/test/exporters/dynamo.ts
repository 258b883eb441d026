/**
 * Models as torch.onnx.export(dynamo=True) spells them: opset 18 and later, no value_info, aten operators decomposed,
 * axes and sizes as inputs, bounds of slices at the ends of int64, functions of its own in older versions.
 */
import { f32, int, ints, text, wave } from "../../src/onnx/testing/file-model.ts";
import {
  bound,
  type Exported,
  exported,
  INT64_MAX,
  INT64_MIN,
  node,
  ROWS,
  tokens,
  value,
  wholes,
} from "./exported.ts";

const scalar = (x: number) => value({ dataType: 1, dims: [], floatData: [x] });
const [TIME, WIDTH, HEADS, VOCABULARY] = [5, 8, 2, 7];
const HALF = WIDTH / HEADS / 2;

/** x · rsqrt(mean(x²) + ε) · weight */
function rmsNorm(x: string, weight: string, y: string) {
  return [
    node("Pow", [x, "two"], `${y}.pow`),
    node("ReduceMean", [`${y}.pow`, "last"], `${y}.mean`, int("keepdims", 1), int("noop_with_empty_axes", 0)),
    node("Add", [`${y}.mean`, "epsilon"], `${y}.add`),
    node("Sqrt", [`${y}.add`], `${y}.sqrt`),
    node("Reciprocal", [`${y}.sqrt`], `${y}.rsqrt`),
    node("Mul", [x, `${y}.rsqrt`], `${y}.mul`),
    node("Mul", [weight, `${y}.mul`], y),
  ];
}

/** x · weightᵀ: nn.Linear without a bias. */
const linear = (x: string, weight: string, y: string) => [
  node("Transpose", [weight], `${y}.t`, ints("perm", [1, 0])),
  node("MatMul", [x, `${y}.t`], y),
];

/** [rows, time, width] → [rows, heads, time, width / heads]; the target of the view is made of what Shape says. */
const split = (x: string, y: string) => [
  node("Concat", ["rows.1", "time", "heads", "free"], `${y}.size`, int("axis", 0)),
  node("Reshape", [x, `${y}.size`], `${y}.view`, int("allowzero", 1)),
  node("Transpose", [`${y}.view`], y, ints("perm", [0, 2, 1, 3])),
];

/** x · cos + (−x[half:], x[:half]) · sin */
const turned = (x: string, y: string) => [
  node("Mul", [x, "cos"], `${y}.mul`),
  node("Slice", [x, "zero", "half", "three", "one"], `${y}.low`),
  node("Slice", [x, "half", "max", "three", "one"], `${y}.high`),
  node("Neg", [`${y}.high`], `${y}.neg`),
  node("Concat", [`${y}.neg`, `${y}.low`], `${y}.cat`, int("axis", -1)),
  node("Mul", [`${y}.cat`, "sin"], `${y}.mul1`),
  node("Add", [`${y}.mul`, `${y}.mul1`], y),
];

/** A block of a Llama: what transformers' models become. */
const llama: Exported = exported({
  name: "dynamo: Llama",
  opset: 18,
  inputs: new Map([["input_ids", tokens([ROWS, TIME], VOCABULARY)]]),
  open: { input_ids: ["s0", TIME] },
  outputs: ["logits"],
  weights: {
    "model.embed_tokens.weight": [VOCABULARY, WIDTH],
    "model.layers.0.input_layernorm.weight": [WIDTH],
    "model.layers.0.self_attn.q_proj.weight": [WIDTH, WIDTH],
    "model.layers.0.self_attn.k_proj.weight": [WIDTH, WIDTH],
    "model.layers.0.self_attn.v_proj.weight": [WIDTH, WIDTH],
    "model.layers.0.mlp.gate_proj.weight": [2 * WIDTH, WIDTH],
    "model.layers.0.mlp.up_proj.weight": [2 * WIDTH, WIDTH],
    "model.layers.0.mlp.down_proj.weight": [WIDTH, 2 * WIDTH],
    "lm_head.weight": [VOCABULARY, WIDTH],
  },
  nodes: [
    node("Constant", [], "two", scalar(2)),
    node("Constant", [], "epsilon", scalar(1e-5)),
    node("Constant", [], "lowest", scalar(-3.4028234663852886e38)),
    node("Constant", [], "nought", scalar(0)),
    node("Constant", [], "scale", scalar(Math.sqrt(1 / Math.sqrt(WIDTH / HEADS)))),
    node(
      "Constant",
      [],
      "frequencies",
      value({ dataType: 1, dims: [1n, BigInt(HALF), 1n], floatData: [1, 0.1] }),
    ),
    wholes("last", -1),
    wholes("zero", 0),
    wholes("one", 1),
    wholes("half", HALF),
    wholes("three", 3),
    wholes("time", TIME),
    wholes("heads", HEADS),
    wholes("free", -1),
    wholes("square", TIME, TIME),
    wholes("mask.size", 1, 1, TIME, TIME),
    wholes("line", 1, 1, TIME),
    bound("max", INT64_MAX),
    bound("min", INT64_MIN),
    node("Shape", ["input_ids"], "rows.1", int("start", 0), int("end", 1)),
    node("Gather", ["model.embed_tokens.weight", "input_ids"], "embedding", int("axis", 0)),
    node(
      "ConstantOfShape",
      ["square"],
      "full",
      value({ dataType: 1, dims: [1n], floatData: [-3.4028234663852886e38] }),
    ),
    node("Trilu", ["full", "one.0"], "triu", int("upper", 1)),
    node("Squeeze", ["one"], "one.0"),
    node("Reshape", ["triu", "mask.size"], "slice_5", int("allowzero", 0)),
    node("Equal", ["slice_5", "nought"], "eq"),
    node("Where", ["eq", "nought", "lowest"], "masked_fill"),
    // Positions by time, as two tables.
    node("Squeeze", ["time"], "time.0"),
    node("Squeeze", ["zero"], "zero.0"),
    node("Range", ["zero.0", "time.0", "one.0"], "arange"),
    node("Cast", ["arange"], "positions", int("to", 1)),
    node("Reshape", ["positions", "line"], "positions.1"),
    node("MatMul", ["frequencies", "positions.1"], "bmm"),
    node("Transpose", ["bmm"], "angles", ints("perm", [0, 2, 1])),
    node("Concat", ["angles", "angles"], "cat", int("axis", -1)),
    node("Cos", ["cat"], "cosine"),
    node("Sin", ["cat"], "sine"),
    node("Unsqueeze", ["cosine", "one"], "cos"),
    node("Unsqueeze", ["sine", "one"], "sin"),
    ...rmsNorm("embedding", "model.layers.0.input_layernorm.weight", "normed"),
    ...linear("normed", "model.layers.0.self_attn.q_proj.weight", "q"),
    ...linear("normed", "model.layers.0.self_attn.k_proj.weight", "k"),
    ...linear("normed", "model.layers.0.self_attn.v_proj.weight", "v"),
    ...split("q", "q.heads"),
    ...split("k", "k.heads"),
    ...split("v", "v.heads"),
    ...turned("q.heads", "q.turned"),
    ...turned("k.heads", "k.turned"),
    // The keys transposed by way of three axes: a permutation that holds for any rank.
    node("Shape", ["k.turned"], "k.shape"),
    node("Slice", ["k.shape", "last", "max"], "k.last"),
    wholes("minus2", -2),
    node("Slice", ["k.shape", "minus2", "last"], "k.second"),
    node("Slice", ["k.shape", "min", "minus2"], "k.first"),
    node("Concat", ["free", "k.second", "k.last"], "k.squeezed.size", int("axis", 0)),
    node("Reshape", ["k.turned", "k.squeezed.size"], "k.squeezed"),
    node("Transpose", ["k.squeezed"], "k.transposed", ints("perm", [0, 2, 1])),
    node("Concat", ["k.first", "k.last", "k.second"], "k.size", int("axis", 0)),
    node("Reshape", ["k.transposed", "k.size"], "k.back"),
    node("Mul", ["q.turned", "scale"], "q.scaled"),
    node("CastLike", ["scale", "k.back"], "scale.like"),
    node("Mul", ["k.back", "scale.like"], "k.scaled"),
    node("MatMul", ["q.scaled", "k.scaled"], "scores"),
    node("Add", ["scores", "masked_fill"], "scores.masked"),
    node("Softmax", ["scores.masked"], "shares", int("axis", -1)),
    // A row whose keys are all masked gives NaN.
    node("IsNaN", ["shares"], "isnan"),
    node("Where", ["isnan", "nought", "shares"], "shares.safe"),
    node("MatMul", ["shares.safe", "v.heads"], "mixed"),
    node("Transpose", ["mixed"], "mixed.t", ints("perm", [0, 2, 1, 3])),
    node("Concat", ["rows.1", "time", "free"], "back", int("axis", 0)),
    node("Reshape", ["mixed.t", "back"], "attended", int("allowzero", 1)),
    node("Add", ["embedding", "attended"], "residual"),
    ...linear("residual", "model.layers.0.mlp.gate_proj.weight", "gate"),
    node("Sigmoid", ["gate"], "gate.sigmoid"),
    node("Mul", ["gate", "gate.sigmoid"], "silu"),
    ...linear("residual", "model.layers.0.mlp.up_proj.weight", "up"),
    node("Mul", ["silu", "up"], "gated"),
    ...linear("gated", "model.layers.0.mlp.down_proj.weight", "down"),
    node("Add", ["residual", "down"], "out"),
    ...linear("out", "lm_head.weight", "logits"),
  ],
});

/** Convolutions and what stands around them; gelu by erf, a slice written into by ScatterND, the mean as a ReduceMean. */
const vision: Exported = exported({
  name: "dynamo: convolutions, slice_scatter, gelu",
  opset: 20,
  inputs: new Map([["x", wave([ROWS, 2, 6, 6], 1)]]),
  open: { x: ["batch", 2, 6, 6] },
  weights: {
    "conv.weight": [4, 2, 3, 3],
    "bn.weight": [4],
    "bn.bias": [4],
    "depthwise.weight": [4, 1, 3, 3],
    "ln.weight": [4],
    "ln.bias": [4],
    "fc.weight": [3, 4],
    "fc.bias": [3],
  },
  tables: { "bn.running_mean": f32([4], [0.1, -0.1, 0, 0.2]), "bn.running_var": f32([4], [1, 0.5, 2, 1]) },
  nodes: [
    node(
      "Conv",
      ["x", "conv.weight"],
      "conv2d",
      int("group", 1),
      ints("pads", [1, 1, 1, 1]),
      text("auto_pad", "NOTSET"),
      ints("strides", [1, 1]),
      ints("dilations", [1, 1]),
    ),
    node(
      "BatchNormalization",
      ["conv2d", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"],
      "getitem",
      { name: "epsilon", type: 1, f: 1e-5 },
      { name: "momentum", type: 1, f: 0.9 },
      int("training_mode", 0),
    ),
    // gelu as aten has it: x · ½ · (1 + erf(x / √2))
    node("Constant", [], "root2", scalar(Math.SQRT2)),
    node("Constant", [], "unit", scalar(1)),
    node("Constant", [], "point5", scalar(0.5)),
    node("Div", ["getitem", "root2"], "val_1"),
    node("Erf", ["val_1"], "val_2"),
    node("Add", ["val_2", "unit"], "val_3"),
    node("Mul", ["point5", "val_3"], "val_4"),
    node("Mul", ["getitem", "val_4"], "gelu"),
    node(
      "Conv",
      ["gelu", "depthwise.weight", ""],
      "conv2d_1",
      int("group", 4),
      ints("pads", [1, 1, 1, 1]),
      ints("strides", [2, 2]),
      ints("dilations", [1, 1]),
      text("auto_pad", "NOTSET"),
    ),
    // y[:, :, 1:] = 2 · y[:, :, 1:], by way of the axis in front.
    wholes("zero", 0),
    wholes("one", 1),
    wholes("two", 2),
    wholes("minus", -1),
    bound("max", INT64_MAX),
    node("Slice", ["conv2d_1", "one", "max", "two", "one"], "slice_1"),
    node("Add", ["slice_1", "slice_1"], "add"),
    node("Shape", ["conv2d_1"], "shape", int("start", 0)),
    node("Squeeze", ["two"], "two.0"),
    node("Gather", ["shape", "two.0"], "size", int("axis", 0)),
    node("Constant", [], "from", { name: "value_int", type: 2, i: 0n }),
    node("Constant", [], "by", { name: "value_int", type: 2, i: 1n }),
    node("Range", ["from", "size", "by"], "range"),
    node("Slice", ["range", "one", "max", "zero", "one"], "places"),
    node("Unsqueeze", ["places", "minus"], "indices"),
    node("Transpose", ["add"], "updates", ints("perm", [2, 1, 0, 3])),
    node("Transpose", ["conv2d_1"], "front", ints("perm", [2, 1, 0, 3])),
    node("ScatterND", ["front", "indices", "updates"], "scattered", text("reduction", "none")),
    node("Transpose", ["scattered"], "slice_scatter", ints("perm", [2, 1, 0, 3])),
    wholes("axes", -1, -2),
    node("ReduceMean", ["slice_scatter", "axes"], "mean", int("keepdims", 0), int("noop_with_empty_axes", 0)),
    node(
      "LayerNormalization",
      ["mean", "ln.weight", "ln.bias"],
      "layer_norm",
      int("axis", -1),
      { name: "epsilon", type: 1, f: 1e-5 },
      int("stash_type", 1),
    ),
    node(
      "Gemm",
      ["layer_norm", "fc.weight", "fc.bias"],
      "y",
      int("transA", 0),
      int("transB", 1),
      { name: "alpha", type: 1, f: 1 },
      { name: "beta", type: 1, f: 1 },
    ),
  ],
});

const TORCH_LIB = "pkg.onnxscript.torch_lib";
const COMMON = "pkg.onnxscript.torch_lib.common";
const call = (
  domain: string,
  name: string,
  input: readonly string[],
  output: string,
  ...attribute: object[]
) => ({
  opType: name,
  name: `${name}_${output}`,
  domain,
  input,
  output: [output],
  attribute,
});
const graph = (name: string, attributeName: string, nodes: readonly object[], output: string) => ({
  name: attributeName,
  type: 5,
  g: { name, node: nodes, output: [{ name: output }] },
});
const reference = (name: string, type: number, refAttrName: string) => ({ name, type, refAttrName });

/** As PyTorch 2.1 to 2.4 wrote models: each aten operator a function, which asks for ranks and branches on them. */
const functions: Exported = exported({
  name: "dynamo: functions of the torch library",
  opset: 18,
  domains: { [TORCH_LIB]: 1, [COMMON]: 1 },
  inputs: new Map([["l_x_", wave([ROWS, 3], 1)]]),
  open: { l_x_: ["batch", 3] },
  outputs: ["y"],
  weights: { "fc1.weight": [4, 3], "fc1.bias": [4], "fc2.weight": [2, 4], "fc2.bias": [2] },
  nodes: [
    call(TORCH_LIB, "aten_t", ["fc1.weight"], "t"),
    call(TORCH_LIB, "aten_addmm", ["fc1.bias", "l_x_", "t"], "addmm", { name: "beta", type: 1, f: 0.5 }),
    call(TORCH_LIB, "aten_leaky_relu", ["addmm"], "relu"),
    call(TORCH_LIB, "aten_mean_dim", ["relu", "minus"], "mean", int("keepdim", 1)),
    wholes("minus", -1),
    node("Sub", ["relu", "mean"], "centred"),
    call(TORCH_LIB, "aten_t", ["fc2.weight"], "t_1"),
    call(TORCH_LIB, "aten_addmm", ["fc2.bias", "centred", "t_1"], "y"),
  ],
  functions: [
    {
      domain: COMMON,
      name: "Rank",
      input: ["input"],
      output: ["return_val"],
      node: [node("Shape", ["input"], "tmp"), node("Size", ["tmp"], "return_val")],
    },
    {
      domain: COMMON,
      name: "IsScalar",
      input: ["input"],
      output: ["return_val"],
      node: [
        call(COMMON, "Rank", ["input"], "tmp"),
        node("Constant", [], "tmp_0", { name: "value_int", type: 2, i: 0n }),
        node("Equal", ["tmp", "tmp_0"], "return_val"),
      ],
    },
    {
      domain: TORCH_LIB,
      name: "aten_t",
      input: ["self"],
      output: ["result_2"],
      node: [
        call(COMMON, "Rank", ["self"], "rank"),
        node("Constant", [], "int64_2", { name: "value_int", type: 2, i: 2n }),
        node("Equal", ["rank", "int64_2"], "cond"),
        node(
          "If",
          ["cond"],
          "result_2",
          graph(
            "then",
            "then_branch",
            [node("Transpose", ["self"], "result", ints("perm", [1, 0]))],
            "result",
          ),
          graph("else", "else_branch", [node("Identity", ["self"], "result_0")], "result_0"),
        ),
      ],
    },
    {
      domain: TORCH_LIB,
      name: "aten_addmm",
      input: ["self", "mat1", "mat2"],
      output: ["return_val"],
      node: [
        node(
          "Gemm",
          ["mat1", "mat2", "self"],
          "return_val",
          reference("alpha", 1, "alpha"),
          reference("beta", 1, "beta"),
        ),
      ],
      attributeProto: [
        { name: "beta", type: 1, f: 1 },
        { name: "alpha", type: 1, f: 1 },
      ],
    },
    {
      domain: TORCH_LIB,
      name: "aten_leaky_relu",
      input: ["self"],
      output: ["result"],
      // The call leaves it out, and so does the node then: it has ONNX's own default.
      attribute: ["negative_slope"],
      node: [node("LeakyRelu", ["self"], "result", reference("alpha", 1, "negative_slope"))],
    },
    {
      domain: TORCH_LIB,
      name: "aten_mean_dim",
      input: ["self", "dim"],
      output: ["result_6"],
      attribute: ["keepdim"],
      node: [
        call(COMMON, "IsScalar", ["self"], "cond"),
        node(
          "If",
          ["cond"],
          "result_6",
          graph("then", "then_branch", [node("Identity", ["self"], "result")], "result"),
          graph(
            "else",
            "else_branch",
            [
              call(COMMON, "IsScalar", ["dim"], "cond_1"),
              node(
                "If",
                ["cond_1"],
                "dim_5",
                graph(
                  "then",
                  "then_branch",
                  [wholes("zero", 0), node("Unsqueeze", ["dim", "zero"], "dim_3")],
                  "dim_3",
                ),
                graph("else", "else_branch", [node("Identity", ["dim"], "dim_4")], "dim_4"),
              ),
              node("ReduceMean", ["self", "dim_5"], "result_5", reference("keepdims", 2, "keepdim")),
            ],
            "result_5",
          ),
        ),
      ],
    },
  ],
});

export const DYNAMO: readonly Exported[] = [llama, vision, functions];
