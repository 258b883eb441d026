import { create, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import type { Tensor } from "../graph/tensor.ts";
import { type GraphProto, ModelProtoSchema } from "./onnx_pb.ts";
import { readModel } from "./reader.ts";
import { runOnnx } from "./testing/run-onnx.ts";
import { writeModel } from "./writer.ts";

type NodeInit = { opType: string; input: string[]; output: string[]; attribute?: object[] };

interface Variant {
  readonly what: string;
  readonly from?: number;
  readonly to?: number;
  readonly initializer?: object[];
  readonly outputs?: readonly string[];
  readonly nodes: readonly NodeInit[];
}

const OPSETS = [13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23];

const int = (name: string, i: number) => ({ name, type: 2, i: BigInt(i) });
const ints = (name: string, values: readonly number[]) => ({ name, type: 7, ints: values.map(BigInt) });
const text = (name: string, value: string) => ({ name, type: 3, s: new TextEncoder().encode(value) });
const whole = (name: string, values: readonly number[]) => ({
  name,
  dataType: 7,
  dims: [BigInt(values.length)],
  int64Data: values.map(BigInt),
});
const real = (name: string, values: readonly number[], dims = [values.length]) => ({
  name,
  dataType: 1,
  dims: dims.map(BigInt),
  floatData: [...values],
});
const y = (opType: string, input: string[], ...attribute: object[]): NodeInit => {
  return { opType, input, output: ["y"], attribute };
};
const waves = (count: number): number[] => Array.from({ length: count }, (_, i) => Math.sin(1 + 3 * i));
/** Both branches use the same names inside. */
const branch = (name: string, op: string) => ({
  name,
  type: 5,
  g: {
    name,
    initializer: [real("two", [2])],
    node: [
      { opType: op, input: ["x"], output: ["inner"] },
      { opType: "Mul", input: ["inner", "two"], output: ["out"] },
    ],
    output: [{ name: "out" }],
  },
});
const perChannel = ["s", "b", "m", "v"].map((name, i) => real(name, [0.5 + i, 1.5 + i]));

/** Each reads x, float32[2, 2, 4, 4]; `from` and `to` are the opsets that know this spelling. */
const VARIANTS: readonly Variant[] = [
  ...["ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2"].flatMap((op) => [
    { what: `${op}, axes as an attribute`, to: 17, nodes: [y(op, ["x"], ints("axes", [1, -1]))] },
    {
      what: `${op}, axes as an input`,
      from: 18,
      initializer: [whole("axes", [1, -1])],
      nodes: [y(op, ["x", "axes"], int("keepdims", 0))],
    },
  ]),
  { what: "ReduceSum", initializer: [whole("axes", [2])], nodes: [y("ReduceSum", ["x", "axes"])] },
  {
    what: "Split into equal parts",
    to: 17,
    outputs: ["y", "z"],
    nodes: [{ opType: "Split", input: ["x"], output: ["y", "z"], attribute: [int("axis", 2)] }],
  },
  {
    what: "Split by number",
    from: 18,
    outputs: ["y", "z"],
    nodes: [
      {
        opType: "Split",
        input: ["x"],
        output: ["y", "z"],
        attribute: [int("axis", 2), int("num_outputs", 2)],
      },
    ],
  },
  { what: "Squeeze", initializer: [whole("axes", [0])], nodes: [y("Squeeze", ["first", "axes"])] },
  { what: "Unsqueeze", initializer: [whole("axes", [1, -1])], nodes: [y("Unsqueeze", ["x", "axes"])] },
  { what: "Softmax", nodes: [y("Softmax", ["x"], int("axis", 1))] },
  {
    what: "BatchNormalization",
    initializer: perChannel,
    nodes: [y("BatchNormalization", ["x", "s", "b", "m", "v"])],
  },
  {
    what: "BatchNormalization in training mode",
    from: 14,
    initializer: perChannel,
    outputs: ["y", "nextMean", "nextVar"],
    nodes: [
      {
        opType: "BatchNormalization",
        input: ["x", "s", "b", "m", "v"],
        output: ["y", "nextMean", "nextVar"],
        attribute: [int("training_mode", 1)],
      },
    ],
  },
  {
    what: "Resize with empty scales",
    initializer: [real("none", []), whole("sizes", [2, 2, 7, 3])],
    nodes: [y("Resize", ["x", "", "none", "sizes"], text("mode", "linear"))],
  },
  {
    what: "Pad",
    initializer: [whole("pads", [0, 0, 1, 2, 0, 0, 2, 1])],
    nodes: [y("Pad", ["x", "pads"], text("mode", "reflect"))],
  },
  {
    what: "Pad of some axes",
    from: 18,
    initializer: [whole("pads", [1, 2]), whole("axes", [-1])],
    nodes: [y("Pad", ["x", "pads", "", "axes"])],
  },
  {
    what: "AveragePool with auto_pad",
    nodes: [
      y(
        "AveragePool",
        ["x"],
        ints("kernel_shape", [3, 3]),
        ints("strides", [2, 2]),
        text("auto_pad", "SAME_UPPER"),
      ),
    ],
  },
  {
    what: "LayerNormalization",
    from: 17,
    initializer: [real("s", [1, 2, 3, 4])],
    nodes: [y("LayerNormalization", ["x", "s"])],
  },
  {
    what: "GroupNormalization",
    from: 21,
    initializer: perChannel.slice(0, 2),
    nodes: [y("GroupNormalization", ["x", "s", "b"], int("num_groups", 2))],
  },
  {
    what: "GroupNormalization, a number per group",
    from: 18,
    to: 20,
    initializer: [real("s1", [0.5]), real("b1", [1.5])],
    nodes: [y("GroupNormalization", ["x", "s1", "b1"], int("num_groups", 1))],
  },
  {
    what: "RMSNormalization",
    from: 23,
    initializer: [real("s", [1, 2, 3, 4])],
    nodes: [y("RMSNormalization", ["x", "s"])],
  },
  { what: "LpNormalization", nodes: [y("LpNormalization", ["x"], int("axis", 1))] },
  { what: "LRN", nodes: [y("LRN", ["x"], int("size", 3))] },
  { what: "MeanVarianceNormalization", nodes: [y("MeanVarianceNormalization", ["x"])] },
  {
    what: "TopK",
    initializer: [whole("k", [3])],
    outputs: ["y", "z"],
    nodes: [{ opType: "TopK", input: ["x", "k"], output: ["y", "z"], attribute: [int("largest", 0)] }],
  },
  {
    what: "TopK in any order, which is read as sorted",
    initializer: [whole("k", [3])],
    outputs: ["y", "z"],
    nodes: [
      {
        opType: "TopK",
        input: ["x", "k"],
        output: ["unordered", "z0"],
        attribute: [int("sorted", 0)],
      },
      { opType: "TopK", input: ["unordered", "k"], output: ["y", "z1"] },
      { opType: "Shape", input: ["z0"], output: ["z"] },
    ],
  },
  { what: "Hardmax", nodes: [y("Hardmax", ["x"])] },
  { what: "Shrink", nodes: [y("Shrink", ["x"])] },
  {
    what: "LpPool with auto_pad",
    nodes: [y("LpPool", ["x"], ints("kernel_shape", [3, 3]), text("auto_pad", "SAME_LOWER"))],
  },
  {
    what: "Compress",
    initializer: [whole("picked", [0])],
    nodes: [
      { opType: "Cast", input: ["picked"], output: ["flag"], attribute: [int("to", 9)] },
      y("Compress", ["x", "flag"], int("axis", 2)),
    ],
  },
  ...(["LSTM", "GRU", "RNN"] as const).map((op) => {
    const rows = 2 * { LSTM: 4, GRU: 3, RNN: 1 }[op];
    return {
      what: `${op} with what it may leave out left out`,
      initializer: [
        whole("sequence", [4, 2, 8]),
        real("w", waves(rows * 8), [1, rows, 8]),
        real("r", waves(rows * 2), [1, rows, 2]),
      ],
      nodes: [
        { opType: "Reshape", input: ["x", "sequence"], output: ["t"] },
        y(op, ["t", "w", "r"], int("hidden_size", 2)),
      ],
    };
  }),
  ...[
    { from: 16, to: 19, mode: "bilinear" },
    { from: 20, to: 23, mode: "linear" },
  ].map(({ from, to, mode }) => ({
    what: `GridSample, mode ${mode}`,
    from,
    to,
    initializer: [real("places", waves(36), [2, 3, 3, 2])],
    nodes: [y("GridSample", ["x", "places"], text("mode", mode))],
  })),
  {
    what: "Col2Im",
    from: 18,
    initializer: [whole("blocks", [2, 8, 4]), whole("image", [3, 3]), whole("block", [2, 2])],
    nodes: [
      { opType: "Reshape", input: ["x", "blocks"], output: ["b"] },
      y("Col2Im", ["b", "image", "block"]),
    ],
  },
  {
    what: "SoftmaxCrossEntropyLoss",
    initializer: [
      whole(
        "labels",
        [...Array(32).keys()].map((i) => i % 2),
      ),
      whole("positions", [2, 4, 4]),
    ],
    nodes: [
      { opType: "Reshape", input: ["labels", "positions"], output: ["t"] },
      y("SoftmaxCrossEntropyLoss", ["x", "t"], int("ignore_index", 1)),
    ],
  },
  {
    what: "Attention",
    from: 23,
    nodes: [y("Attention", ["x", "x", "x"], int("is_causal", 1), int("qk_matmul_output_mode", 0))],
  },
  {
    what: "RotaryEmbedding",
    from: 23,
    initializer: [real("cos", waves(16), [2, 4, 2]), real("sin", waves(16), [2, 4, 2])],
    nodes: [y("RotaryEmbedding", ["x", "cos", "sin"])],
  },
  ...[0, 1].map((condition) => ({
    what: `If, its condition ${condition} known before the run`,
    initializer: [whole("given", [condition])],
    nodes: [
      { opType: "Cast", input: ["given"], output: ["flag"], attribute: [int("to", 9)] },
      {
        opType: "If",
        input: ["flag"],
        output: ["y"],
        attribute: [branch("then_branch", "Exp"), branch("else_branch", "Neg")],
      },
    ],
  })),
  { what: "Gelu", from: 20, nodes: [y("Gelu", ["x"], text("approximate", "tanh"))] },
  {
    what: "GroupNormalization by group",
    from: 18,
    to: 20,
    initializer: [real("s", [0.5, 2]), real("b", [1, -1])],
    nodes: [y("GroupNormalization", ["x", "s", "b"], int("num_groups", 2))],
  },
  {
    what: "GroupNormalization by channel",
    from: 21,
    initializer: [real("s", [0.5, 2]), real("b", [1, -1])],
    nodes: [y("GroupNormalization", ["x", "s", "b"], int("num_groups", 1))],
  },
  ...["-> ...j", ""].map((result) => ({
    what: `Einsum with an ellipsis, result "${result}"`,
    nodes: [y("Einsum", ["x", "x"], text("equation", `...ij, ...ij ${result}`))],
  })),
  {
    what: "Shape of some axes",
    from: 15,
    nodes: [y("Shape", ["x"], int("start", -3), int("end", 100))],
  },
  { what: "Shape", nodes: [y("Shape", ["x"])] },
  { what: "HardSwish", from: 14, nodes: [y("HardSwish", ["x"])] },
  { what: "Mish", from: 18, nodes: [y("Mish", ["x"])] },
  { what: "Trilu", from: 14, nodes: [y("Trilu", ["x"], int("upper", 0))] },
  ...["add", "mul"].map((reduction) => ({
    what: `ScatterElements, ${reduction}`,
    from: 16,
    initializer: [real("u", [2, 3], [1, 1, 1, 2]), { ...whole("i", [1, 1]), dims: [1n, 1n, 1n, 2n] }],
    nodes: [y("ScatterElements", ["x", "i", "u"], int("axis", 3), text("reduction", reduction))],
  })),
  {
    what: "Resize that keeps the ratio",
    from: 18,
    initializer: [whole("sizes", [7, 6])],
    nodes: [
      y(
        "Resize",
        ["x", "", "", "sizes"],
        text("mode", "cubic"),
        text("keep_aspect_ratio_policy", "not_larger"),
        ints("axes", [2, 3]),
        int("antialias", 1),
      ),
    ],
  },
  { what: "Cast", nodes: [y("Cast", ["x"], int("to", 6))] },
  { what: "Dropout", nodes: [y("Dropout", ["x"])] },
  {
    what: "Gemm",
    initializer: [
      real(
        "w",
        Array.from({ length: 96 }, (_, i) => i / 50),
        [32, 3],
      ),
    ],
    nodes: [y("Gemm", ["flat", "w"])],
  },
];

const X: Tensor = {
  dtype: "float32",
  shape: [2, 2, 4, 4],
  data: Float32Array.from({ length: 64 }, (_, i) => ((i * 37) % 64) / 16 - 1.9),
};

function model(variant: Variant, opset: number): Uint8Array {
  const dim = X.shape.map((size) => ({ value: { case: "dimValue", value: BigInt(size) } }));
  const before: NodeInit[] = [
    { opType: "Slice", input: ["x", "zero", "one"], output: ["first"] },
    { opType: "Flatten", input: ["x"], output: ["flat"] },
  ];
  const read = new Set(variant.nodes.flatMap(({ input }) => input));
  const graph = {
    name: "test",
    input: [{ name: "x", type: { value: { case: "tensorType", value: { elemType: 1, shape: { dim } } } } }],
    output: (variant.outputs ?? ["y"]).map((name) => ({ name })),
    initializer: [whole("zero", [0]), whole("one", [1]), ...(variant.initializer ?? [])],
    node: [...before.filter(({ output }) => read.has(output[0] ?? "")), ...variant.nodes],
  };
  // SAFETY: the literals above follow the schema; TypeScript widens their `case` to string.
  const typed = graph as unknown as GraphProto;
  const opsetImport = [{ domain: "", version: BigInt(opset) }];
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion: 7n, opsetImport, graph: typed }));
}

describe("a model of an older or newer opset computes what it did once it is lifted", () => {
  test.each(OPSETS)("opset %i", async (opset) => {
    const feeds = new Map([["x", X]]);
    for (const variant of VARIANTS) {
      if (opset < (variant.from ?? 13) || opset > (variant.to ?? 23)) continue;
      const original = model(variant, opset);
      const expected = await runOnnx(original, feeds);
      const found = await runOnnx(writeModel(readModel(original)), feeds);
      for (const [name, { dtype, shape, data }] of expected) {
        const got = found.get(name);
        expect([got?.dtype, got?.shape], variant.what).toEqual([dtype, shape]);
        const errors = Array.from(data, Number).map((want, k) => Math.abs(want - Number(got?.data[k])));
        // Kernels of different opsets may round differently.
        expect(Math.max(...errors), `${variant.what}, ${name}`).toBeLessThan(1e-6);
      }
    }
  });
});

test("nodes out of order are put in order", async () => {
  const [gemm] = VARIANTS.filter(({ what }) => what === "Gemm");
  if (gemm === undefined) throw new Error("no Gemm");
  const late = model(
    {
      ...gemm,
      nodes: [
        y("Exp", ["g"]),
        { ...y("Gemm", ["f", "w"]), output: ["g"] },
        { opType: "Flatten", input: ["x"], output: ["f"] },
      ],
    },
    17,
  );
  const graph = readModel(late);
  expect(graph.nodes.map(({ op }) => op)).toEqual(["Flatten", "Gemm", "Exp"]);
  expect((await runOnnx(writeModel(graph), new Map([["x", X]]))).get("y")?.shape).toEqual([2, 3]);
});
