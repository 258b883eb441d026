import { describe, expect, test } from "vitest";
import type { Graph } from "../graph/graph.ts";
import type { Tensor } from "../graph/tensor.ts";
import { readModel } from "../onnx/reader.ts";
import { runOnnx } from "../onnx/testing/run-onnx.ts";
import { writeModel } from "../onnx/writer.ts";
import { checkGradients } from "../reference/check-gradients.ts";
import { defineModel } from "./define-model.ts";
import type { Value } from "./graph-builder.ts";
import { transformerBlock } from "./layers/language.ts";
import type { ModelBuilder } from "./model-builder.ts";

const IMAGE = { dtype: "float32", shape: ["batch", 3, 12, 12] } as const;
const VECTOR = { dtype: "float32", shape: ["batch", 4] } as const;
const SEQUENCE = { dtype: "float32", shape: ["batch", 4, 6] } as const;
const TOKENS = { dtype: "int64", shape: ["batch", 6] } as const;

function cnn(seed: number): Graph {
  return defineModel({ name: "cnn", seed, inputs: { image: IMAGE } }, (b, { image }) => {
    const first = b.relu(
      b.batchNorm2d(b.conv2d(image, { outChannels: 8, kernel: 3, padding: 1, bias: false })),
    );
    const second = b.gelu(
      b.conv2d(b.maxPool2d(first, { kernel: 2 }), { outChannels: 8, kernel: [3, 1], groups: 2, stride: 2 }),
    );
    const pooled = b.globalAveragePool(b.averagePool2d(second, { kernel: 2, stride: 1 }));
    return { logits: b.linear(b.dropout(b.tanh(pooled), { ratio: 0 }), { outFeatures: 5 }) };
  });
}

function gpt(): Graph {
  return defineModel({ name: "gpt", seed: 3, inputs: { tokens: TOKENS } }, (b, { tokens }) => {
    const embedded = b.embedding(tokens, { name: "wte", count: 11, width: 8, deviation: 0.02 });
    const places = b.parameter("wpe.weight", [6, 8], { deviation: 0.02 });
    const x = transformerBlock(b, b.add(embedded, places), { heads: 2 });
    return { logits: b.linear(b.layerNorm(x), { name: "head", outFeatures: 11, bias: false }) };
  });
}

function floats(shape: readonly number[]): Tensor {
  const size = shape.reduce((product, dim) => product * dim, 1);
  return { dtype: "float32", shape, data: Float32Array.from({ length: size }, (_, i) => Math.sin(i)) };
}

describe("defineModel", () => {
  test("a CNN with batch norm runs in stock ONNX Runtime for any batch", async () => {
    const bytes = writeModel(cnn(1));
    for (const batch of [1, 4]) {
      const { shape, data } =
        (await runOnnx(bytes, new Map([["image", floats([batch, 3, 12, 12])]]))).get("logits") ?? {};
      expect(shape).toEqual([batch, 5]);
      expect([...(data ?? [])].every((value) => Number.isFinite(Number(value)))).toBe(true);
    }
  });

  test("a GPT runs, and no position sees those after it", async () => {
    const bytes = writeModel(gpt());
    const run = async (tokens: readonly bigint[]) => {
      const feed: Tensor = { dtype: "int64", shape: [1, 6], data: BigInt64Array.from(tokens) };
      return Array.from(
        (await runOnnx(bytes, new Map([["tokens", feed]]))).get("logits")?.data ?? [],
        Number,
      );
    };
    const one = await run([1n, 2n, 3n, 4n, 5n, 6n]);
    const other = await run([1n, 2n, 3n, 4n, 9n, 10n]);
    expect(one).toHaveLength(66);
    expect(one.slice(0, 44)).toEqual(other.slice(0, 44));
    expect(one.slice(44)).not.toEqual(other.slice(44));
  });

  test("what is written reads back as the same graph", () => {
    for (const graph of [cnn(1), gpt()]) expect(readModel(writeModel(graph))).toEqual(graph);
  });

  test("the seed decides the weights", () => {
    expect(cnn(1)).toEqual(cnn(1));
    expect(cnn(1).initializers.get("conv1.weight")).not.toEqual(cnn(2).initializers.get("conv1.weight"));
  });

  test("weights start as PyTorch's do", () => {
    const weights = Array.from(cnn(1).initializers.get("conv1.weight")?.data ?? [], Number);
    const bound = 1 / Math.sqrt(3 * 3 * 3);
    expect(Math.max(...weights.map(Math.abs))).toBeLessThanOrEqual(bound);
    expect(Math.max(...weights)).toBeGreaterThan(0.9 * bound);
  });

  test("weights start as the seed and the options say", () => {
    const graph = defineModel({ name: "m", seed: 1, inputs: { x: VECTOR } }, (b, { x }) => {
      const initial = { weight: { fill: 2 }, bias: { values: [1, 2, 3] } };
      return { y: b.linear(x, { outFeatures: 3, initial }) };
    });
    expect(graph.initializers.get("linear1.weight")?.data).toEqual(new Float32Array(12).fill(2));
    expect(graph.initializers.get("linear1.bias")?.data).toEqual(Float32Array.of(1, 2, 3));
  });

  test("a tied weight is one tensor, and its gradient is that of both uses", async () => {
    const graph = defineModel({ name: "m", seed: 1, inputs: { tokens: TOKENS } }, (b, { tokens }) => {
      const embedded = b.embedding(tokens, { name: "wte", count: 5, width: 4 });
      return { y: b.linear(b.tanh(embedded), { outFeatures: 5, bias: false, tied: "wte.weight" }) };
    });
    expect([...graph.initializers.keys()]).toEqual(["wte.weight"]);
    expect(await checkGradients(graph)).toMatchObject({ checked: 1, passed: true });
  });

  test("several inputs and outputs, under their names", async () => {
    const inputs = { x: VECTOR, tokens: TOKENS };
    const graph = defineModel({ name: "m", seed: 1, inputs }, (b, { x, tokens }) => ({
      sum: b.add(x, b.mean(b.embedding(tokens, { count: 3, width: 4 }), { axes: [1] })),
      double: b.mul(x, 2),
    }));
    const feeds = new Map<string, Tensor>([
      ["x", { dtype: "float32", shape: [1, 4], data: Float32Array.of(1, 2, 3, 4) }],
      ["tokens", { dtype: "int64", shape: [1, 6], data: BigInt64Array.of(0n, 1n, 2n, 0n, 1n, 2n) }],
    ]);
    const results = await runOnnx(writeModel(graph), feeds);
    expect([...results.keys()]).toEqual(["sum", "double"]);
    expect(results.get("double")?.data).toEqual(Float32Array.of(2, 4, 6, 8));
  });

  test("any operator by its name, with ONNX's defaults", () => {
    const graph = defineModel({ name: "m", seed: 1, inputs: { image: IMAGE } }, (b, { image }) => {
      const kernel = b.parameter("kernel", [2, 3, 3, 3], { deviation: 0.1 });
      return { y: b.op("Trilu", [b.op("Conv", [image, kernel], {}, { name: "mine" })]) };
    });
    expect(graph.nodes[0]).toMatchObject({
      op: "Conv",
      name: "mine",
      attributes: { strides: [1, 1], group: 1 },
    });
    expect(graph.nodes[1]).toMatchObject({ op: "Trilu", name: "trilu1", attributes: { upper: 1 } });
  });
});

describe("a layer that does not fit is named, with what it is given and what to change", () => {
  const inputs = { image: IMAGE, s: SEQUENCE, x: VECTOR, tokens: TOKENS };
  type Define = (b: ModelBuilder, values: Readonly<Record<keyof typeof inputs, Value>>) => Value;
  test.each<readonly [string, Define, RegExp]>([
    [
      "a kernel larger than the image",
      (b, { image }) => b.conv2d(image, { name: "c9", outChannels: 4, kernel: 20 }),
      /"c9" \(Conv\).*image float32\[batch, 3, 12, 12\].*c9\.weight float32\[4, 3, 20, 20\].*window of 20.*smaller kernel/,
    ],
    [
      "groups that do not divide",
      (b, { image }) => b.conv2d(image, { outChannels: 4, kernel: 3, groups: 2 }),
      /"conv1".*3 channels in and 4 out.*2 groups; both must divide/,
    ],
    [
      "an image where a sequence is meant",
      (b, { image }) => b.conv1d(image, { outChannels: 4, kernel: 3 }),
      /"conv1".*\[N, C, length\].*\[batch, 3, 12, 12\]: reshape it to 3 axes/,
    ],
    [
      "a kernel of three sizes",
      (b, { image }) => b.conv2d(image, { outChannels: 4, kernel: [1, 2, 3] }),
      /"conv1".*kernel has 3 numbers; give one, or 2/,
    ],
    [
      "padding that cannot keep the size",
      (b, { image }) => b.conv2d(image, { outChannels: 4, kernel: 2, padding: "same" }),
      /"conv1".*odd kernels; give the padding in numbers/,
    ],
    ["no features", (b, { x }) => b.linear(x, { outFeatures: 0 }), /"linear1\.weight".*1 or more/],
    [
      "an open last axis",
      (b, { s }) => b.linear(b.transpose(s, [1, 2, 0]), { outFeatures: 2 }),
      /"linear1".*last axis must be a number, not "batch"/,
    ],
    ["a ratio of 1", (b, { x }) => b.dropout(x, { ratio: 1 }), /"dropout1".*ratio/],
    [
      "a name twice",
      (b, { x }) => b.relu(b.relu(x, { name: "r" }), { name: "r" }),
      /"r".*another layer has that name/,
    ],
    [
      "heads that do not divide",
      (b, { s }) => b.attention(s, { heads: 4 }),
      /"attention1".*width of 6 does not split into 4 heads; give a divisor/,
    ],
    [
      "key heads that do not divide",
      (b, { s }) => b.groupedQueryAttention(s, { heads: 3, keyHeads: 2 }),
      /"attention1".*3 heads do not share 2 key heads/,
    ],
    [
      "a sum of two sizes",
      (b, { x, s }) => b.add(x, s, { name: "both" }),
      /"both" \(Add\).*x float32\[batch, 4\] and s float32\[batch, 4, 6\].*do not broadcast; make their sizes equal/,
    ],
    [
      "a product that does not fit",
      (b, { s }) => b.matmul(s, s),
      /"matmul1" \(MatMul\).*\[batch, 4, 6\].*transpose one of them/,
    ],
    [
      "joined parts that differ",
      (b, { image, s }) => b.concat([image, s], { axis: 1 }),
      /"concat1" \(Concat\).*image.*and s.*all axes but the joined one must agree/,
    ],
    [
      "a reshape to another number of elements",
      (b, { s }) => b.reshape(s, [0, 5, 5]),
      /"reshape1".*\[batch, 4, 6\] does not become \[0, 5, 5\].*multiply to as many elements/,
    ],
    [
      "indices that are real",
      (b, { x }) => b.embedding(x, { count: 3, width: 2 }),
      /"embedding1" \(Gather\).*x float32.*declare the input so/,
    ],
    [
      "a tied weight of another size",
      (b, { tokens }) =>
        b.linear(b.embedding(tokens, { name: "wte", count: 5, width: 4 }), {
          outFeatures: 6,
          tied: "wte.weight",
        }),
      /"linear1".*shares "wte\.weight" \[5, 4\], and needs \[6, 4\]/,
    ],
    [
      "a tied weight that is none",
      (b, { x }) => b.linear(x, { outFeatures: 6, tied: "x" }),
      /"linear1".*shares "x", which is no parameter/,
    ],
    [
      "too few first values",
      (b, { x }) => b.linear(x, { outFeatures: 2, initial: { bias: { values: [1] } } }),
      /"linear1\.bias".*takes 2 values, not 1/,
    ],
    [
      "a pool to more than there is",
      (b, { image }) => b.adaptiveMaxPool2d(image, { size: 20 }),
      /1 to 12, not to 20/,
    ],
    [
      "groups of a norm",
      (b, { image }) => b.groupNorm(image, { groups: 2 }),
      /"groupNorm1".*3 channels.*2 groups/,
    ],
    [
      "an image too small for the levels",
      (b, { image }) => b.unet(image, { channels: [4, 4, 4, 4], outChannels: 1 }),
      /"unet1".*4 levels.*divide by 8, not 12: pad the images/,
    ],
    ["a time of odd width", (b, { x }) => b.timeEmbedding(x, { width: 3 }), /"time1".*must be even/],
  ])("%s", (_, define, sentence) => {
    expect(() =>
      defineModel({ name: "m", seed: 1, inputs }, (b, values) => ({ y: define(b, values) })),
    ).toThrow(sentence);
  });
});
