import { isFault } from "@pingo/core";
import { describe, expect, test } from "vitest";
import type { Tensor } from "../../graph/tensor.ts";
import { readModel } from "../reader.ts";
import {
  distance,
  type FileNode,
  f32,
  fileModel,
  float,
  floats,
  i32,
  i64,
  int,
  ints,
  text,
  wave,
} from "../testing/file-model.ts";
import { runOnnx } from "../testing/run-onnx.ts";
import { writeModel } from "../writer.ts";

/** Both run in float32, in another order. */
const ERROR_MAX = 2e-6;

interface Fused {
  readonly what: string;
  readonly op: string;
  readonly inputs: readonly (Tensor | "")[];
  readonly attribute?: readonly object[];
  /** How many of the node's outputs are compared. */
  readonly outputs?: readonly number[];
}

const x = wave([2, 3, 8], 1);
const [gamma, beta, bias8] = [wave([8], 2), wave([8], 3), wave([8], 4)];
const ids = i32([2, 3], [0, 2, 1, 3, 3, 0]);
const image = wave([2, 4, 5, 6], 5);
const heads = [wave([2, 3, 8], 6), wave([2, 5, 8], 7), wave([2, 5, 8], 8)];
const angles = Array.from({ length: 6 * 4 }, (_, i) => (Math.floor(i / 4) + 1) * 0.3 ** (i % 4));
const [cosines, sines] = [f32([6, 4], angles.map(Math.cos)), f32([6, 4], angles.map(Math.sin))];
const embedding: readonly (Tensor | "")[] = [
  ids,
  i32([2, 3], [0, 1, 1, 0, 0, 1]),
  wave([4, 8], 9),
  wave([5, 8], 10),
  wave([2, 8], 11),
  gamma,
  beta,
];

const FUSED: readonly Fused[] = [
  {
    what: "plain",
    op: "FusedMatMul",
    inputs: [wave([2, 3, 4]), wave([2, 4, 5])],
    attribute: [float("alpha", 0.5)],
  },
  {
    what: "transposed",
    op: "FusedMatMul",
    inputs: [wave([2, 4, 3]), wave([2, 5, 4])],
    attribute: [int("transA", 1), int("transB", 1)],
  },
  {
    what: "batches transposed",
    op: "FusedMatMul",
    inputs: [wave([3, 2, 4]), wave([4, 2, 5])],
    attribute: [int("transBatchA", 1), int("transBatchB", 1)],
  },
  ...(["Relu", "Tanh", "Sigmoid"] as const).map(
    (name): Fused => ({
      what: name,
      op: "FusedGemm",
      inputs: [wave([3, 4]), wave([5, 4]), wave([5])],
      attribute: [int("transB", 1), float("alpha", 0.5), text("activation", name)],
    }),
  ),
  {
    what: "LeakyRelu",
    op: "FusedGemm",
    inputs: [wave([3, 4]), wave([4, 5]), wave([5])],
    attribute: [text("activation", "LeakyRelu"), float("activation_alpha", 0.2)],
  },
  {
    what: "Selu",
    op: "FusedGemm",
    inputs: [wave([3, 4]), wave([4, 5]), wave([5])],
    attribute: [text("activation", "Selu"), float("activation_alpha", 1.6), float("activation_gamma", 1.1)],
  },
  {
    what: "ThresholdedRelu",
    op: "FusedGemm",
    inputs: [wave([3, 4]), wave([4, 5]), wave([5])],
    attribute: [text("activation", "ThresholdedRelu"), float("activation_alpha", 0.3)],
  },
  {
    what: "Relu, strides and pads",
    op: "FusedConv",
    inputs: [image, wave([6, 2, 3, 3], 2), wave([6], 3)],
    attribute: [
      text("activation", "Relu"),
      int("group", 2),
      ints("pads", [1, 1, 0, 2]),
      ints("strides", [2, 1]),
    ],
  },
  {
    what: "a residual and Clip",
    op: "FusedConv",
    inputs: [image, wave([4, 4, 1, 1], 2), wave([4], 3), image],
    attribute: [text("activation", "Clip"), floats("activation_params", [-0.5, 0.7])],
  },
  {
    what: "LeakyRelu and auto_pad",
    op: "FusedConv",
    inputs: [image, wave([4, 4, 3, 3], 2)],
    attribute: [
      text("activation", "LeakyRelu"),
      floats("activation_params", [0.3]),
      text("auto_pad", "SAME_UPPER"),
    ],
  },
  { what: "exact", op: "Gelu", inputs: [x] },
  { what: "with a bias", op: "FastGelu", inputs: [x, bias8] },
  { what: "without a bias", op: "FastGelu", inputs: [x] },
  { what: "exact", op: "BiasGelu", inputs: [x, bias8] },
  { what: "alpha", op: "QuickGelu", inputs: [x], attribute: [float("alpha", 1.3)] },
  {
    what: "default",
    op: "SkipLayerNormalization",
    inputs: [x, wave([2, 3, 8], 2), gamma, beta, bias8],
    outputs: [0, 3],
  },
  {
    what: "no beta",
    op: "SkipLayerNormalization",
    inputs: [x, wave([1, 3, 8], 2), gamma],
    attribute: [float("epsilon", 1e-3)],
  },
  {
    what: "default",
    op: "SkipSimplifiedLayerNormalization",
    inputs: [x, wave([2, 3, 8], 2), gamma, bias8],
    outputs: [0, 3],
  },
  { what: "segments", op: "EmbedLayerNormalization", inputs: embedding, outputs: [0, 1] },
  {
    what: "mask and positions",
    op: "EmbedLayerNormalization",
    inputs: [...embedding, i32([2, 3], [1, 1, 0, 1, 1, 1]), i32([2, 3], [4, 3, 2, 1, 0, 4])],
    attribute: [float("epsilon", 1e-6)],
    outputs: [0, 1],
  },
  {
    what: "no mask",
    op: "Attention",
    inputs: [x, wave([8, 24], 2), wave([24], 3)],
    attribute: [int("num_heads", 2)],
  },
  {
    what: "causal, other sizes, a scale",
    op: "Attention",
    inputs: [x, wave([8, 20], 2), wave([20], 3)],
    attribute: [
      int("num_heads", 2),
      int("unidirectional", 1),
      ints("qkv_hidden_sizes", [8, 8, 4]),
      float("scale", 0.3),
    ],
  },
  ...(
    [
      ["of lengths", i32([2], [2, 3])],
      ["of 0 and 1", i32([2, 3], [1, 1, 0, 0, 1, 1])],
      ["of queries and keys", i32([2, 3, 3], [1, 0, 0, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 0, 1, 0, 1, 1])],
    ] as const
  ).map(
    ([what, mask]): Fused => ({
      what: `a mask ${what}`,
      op: "Attention",
      inputs: [x, wave([8, 24], 2), wave([24], 3), mask],
      attribute: [int("num_heads", 4)],
    }),
  ),
  { what: "apart", op: "MultiHeadAttention", inputs: heads, attribute: [int("num_heads", 2)] },
  {
    what: "a bias, masked keys, added scores",
    op: "MultiHeadAttention",
    inputs: [...heads, wave([24], 9), i32([2, 5], [1, 1, 1, 0, 1, 1, 0, 1, 1, 1]), wave([1, 2, 3, 5], 3)],
    attribute: [int("num_heads", 2), float("mask_filter_value", -1000)],
  },
  {
    what: "keys split into heads",
    op: "MultiHeadAttention",
    inputs: [wave([2, 3, 8], 6), wave([2, 2, 5, 4], 7), wave([2, 2, 5, 4], 8)],
    attribute: [int("num_heads", 2)],
  },
  {
    what: "causal",
    op: "MultiHeadAttention",
    inputs: [heads[0] ?? x, wave([2, 3, 8], 7), wave([2, 3, 8], 8)],
    attribute: [int("num_heads", 2), int("unidirectional", 1)],
  },
  ...[0, 1].flatMap((interleaved): Fused[] => [
    {
      what: `three axes, interleaved ${interleaved}`,
      op: "RotaryEmbedding",
      inputs: [wave([2, 3, 16], 2), i64([2, 3], [0, 1, 2, 3, 1, 5]), cosines, sines],
      attribute: [int("interleaved", interleaved)],
    },
    {
      what: `four axes, counted positions, interleaved ${interleaved}`,
      op: "RotaryEmbedding",
      inputs: [wave([2, 2, 3, 8], 2), i64([1], [2]), cosines, sines],
      attribute: [int("interleaved", interleaved)],
    },
  ]),
  {
    what: "a part of each head",
    op: "RotaryEmbedding",
    inputs: [wave([2, 3, 20], 2), i64([2, 3], [0, 1, 2, 3, 1, 5]), cosines, sines],
    attribute: [int("rotary_embedding_dim", 8), int("num_heads", 2)],
  },
  { what: "upper", op: "Trilu", inputs: [wave([3, 4]), i64([], [1])] },
];

function fused({ op, inputs, attribute = [], outputs = [0] }: Fused, domain = "com.microsoft") {
  const names = inputs.map((input, i) => (input === "" ? "" : `x${i}`));
  const fed = new Map(inputs.flatMap((input, i) => (input === "" ? [] : [[`x${i}`, input] as const])));
  const made = Array.from({ length: Math.max(...outputs) + 1 }, (_, i) =>
    outputs.includes(i) ? `y${i}` : "",
  );
  const node: FileNode = { opType: op, name: "fused", domain, input: names, output: made, attribute };
  const bytes = fileModel({
    domains: { "com.microsoft": 1 },
    inputs: fed,
    nodes: [node],
    outputs: made.filter((name) => name !== ""),
  });
  return { bytes, fed };
}

async function expectSame(bytes: Uint8Array, fed: ReadonlyMap<string, Tensor>): Promise<void> {
  const expected = await runOnnx(bytes, fed);
  const found = await runOnnx(writeModel(readModel(bytes)), fed);
  for (const [name, want] of expected) expect(distance(found.get(name), want), name).toBeLessThan(ERROR_MAX);
}

describe("a fused operator taken apart computes what ONNX Runtime computes with it", () => {
  test.each(FUSED.map((one) => [`${one.op}, ${one.what}`, one] as const))("%s", async (_, one) => {
    const { bytes, fed } = fused(one);
    await expectSame(bytes, fed);
  });

  test("SimplifiedLayerNormalization of the standard domain", async () => {
    const attribute = [float("epsilon", 1e-4), int("axis", -1)];
    const { bytes, fed } = fused(
      { what: "", op: "SimplifiedLayerNormalization", inputs: [x, gamma], attribute },
      "",
    );
    await expectSame(bytes, fed);
  });
});

/** Operators that no kernel of this machine runs: compared with what their description says. */
describe("a fused operator of other devices is what its description says", () => {
  const run = async (one: Fused) => {
    const { bytes, fed } = fused(one);
    return (await runOnnx(writeModel(readModel(bytes)), fed)).get("y0")?.data ?? new Float32Array();
  };
  const sum = (a: Tensor, b: Tensor) => Array.from(a.data, Number).map((v, i) => v + Number(b.data[i]));
  const other = wave([2, 3, 8], 2);

  test("BiasAdd and BiasDropout", async () => {
    const biased = Array.from(sum(x, other), (v, i) => v + Number(bias8.data[i % 8]));
    const both: readonly Fused[] = [
      { what: "", op: "BiasAdd", inputs: [x, bias8, other] },
      { what: "", op: "BiasDropout", inputs: [x, bias8, other] },
    ];
    for (const one of both) {
      const found = Array.from(await run(one), Number);
      found.forEach((v, i) => {
        expect(v).toBeCloseTo(biased[i] ?? Number.NaN, 5);
      });
    }
  });

  test("BiasSoftmax sums to 1 along the last axis, in the proportions of e^(x + bias)", async () => {
    const attribute = [int("axis", 2), int("is_inner_broadcast", 1)];
    const y = Array.from(await run({ what: "", op: "BiasSoftmax", inputs: [x, other], attribute }), Number);
    const raw = sum(x, other).map(Math.exp);
    for (let row = 0; row < 6; row++) {
      const total = raw.slice(8 * row, 8 * row + 8).reduce((a, b) => a + b);
      for (let i = 8 * row; i < 8 * row + 8; i++) expect(y[i]).toBeCloseTo((raw[i] ?? 0) / total, 5);
    }
  });

  test("GroupNorm of channels last: each group has mean 0 and variance 1", async () => {
    const [ones, zeros] = [f32([4], [1, 1, 1, 1]), f32([4], [0, 0, 0, 0])];
    const attribute = [int("groups", 2), int("activation", 0), int("channels_last", 1)];
    const one = { what: "", op: "GroupNorm", inputs: [wave([2, 3, 5, 4], 3), ones, zeros], attribute };
    const y = Array.from(await run(one), Number);
    for (const group of [0, 1]) {
      const own = y.slice(0, 60).filter((_, i) => Math.floor((i % 4) / 2) === group);
      const mean = own.reduce((a, b) => a + b) / own.length;
      expect(mean).toBeCloseTo(0, 5);
      expect(own.reduce((a, b) => a + (b - mean) ** 2, 0) / own.length).toBeCloseTo(1, 3);
    }
  });
});

describe("what is not taken apart says what to do", () => {
  const cases: readonly (readonly [string, readonly object[], RegExp])[] = [
    ["NhwcMaxPool", [], /ORT_ENABLE_BASIC/],
    ["QLinearAdd", [], /before it is quantized/],
    ["GroupQueryAttention", [], /cache/],
    ["Gelu", [int("odd", 1)], /attribute odd/],
    ["FusedConv", [text("activation", "Odd")], /activation "Odd"/],
  ];
  test.each(cases)("%s", (op, attribute, sentence) => {
    const inputs = op === "FusedConv" ? [image, wave([4, 4, 1, 1])] : [x, x, x];
    const given = op === "Gelu" ? inputs.slice(0, 1) : inputs;
    const { bytes } = fused({ what: "", op, inputs: given, attribute });
    try {
      readModel(bytes);
      expect.unreachable();
    } catch (error) {
      if (!isFault(error)) throw error;
      expect(error.code).toBe("OP_UNSUPPORTED");
      expect(error.message).toMatch(sentence);
      expect(error.message).toContain(`"fused" uses ${op}`);
    }
  });
});
