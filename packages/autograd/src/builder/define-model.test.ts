import { describe, expect, test } from "vitest";
import type { Graph } from "../graph/graph.ts";
import type { Tensor } from "../graph/tensor.ts";
import { readModel } from "../onnx/reader.ts";
import { runOnnx } from "../onnx/testing/run-onnx.ts";
import { writeModel } from "../onnx/writer.ts";
import { defineModel } from "./define-model.ts";
import { causalSelfAttention } from "./layers/attention.ts";
import { transformerBlock } from "./layers/language.ts";

const IMAGE = { dtype: "float32", shape: ["batch", 3, 12, 12] } as const;
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

  test("a layer that does not fit is named", () => {
    const inputs = { image: IMAGE };
    const faults: readonly (readonly [() => Graph, RegExp])[] = [
      [
        () =>
          defineModel({ name: "m", seed: 1, inputs }, (b, { image }) => ({
            y: b.conv2d(image, { name: "c9", outChannels: 4, kernel: 20 }),
          })),
        /"c9" \(Conv\).*window of 20/,
      ],
      [
        () =>
          defineModel({ name: "m", seed: 1, inputs }, (b, { image }) => ({
            y: b.conv2d(image, { outChannels: 4, kernel: 3, groups: 2 }),
          })),
        /"conv1".*2 groups/,
      ],
      [
        () =>
          defineModel({ name: "m", seed: 1, inputs }, (b, { image }) => ({
            y: b.linear(image, { outFeatures: 0 }),
          })),
        /"linear1\.weight"/,
      ],
      [
        () =>
          defineModel({ name: "m", seed: 1, inputs }, (b, { image }) => ({
            y: b.linear(b.transpose(image, [1, 2, 3, 0]), { outFeatures: 2 }),
          })),
        /"linear1".*last axis must be a number, not "batch"/,
      ],
      [
        () =>
          defineModel({ name: "m", seed: 1, inputs }, (b, { image }) => ({
            y: b.dropout(image, { ratio: 1 }),
          })),
        /"dropout1".*ratio/,
      ],
      [
        () =>
          defineModel({ name: "m", seed: 1, inputs }, (b, { image }) => ({
            y: b.relu(b.relu(image, { name: "r" }), { name: "r" }),
          })),
        /"r".*another layer/,
      ],
      [
        () =>
          defineModel(
            { name: "m", seed: 1, inputs: { x: { dtype: "float32", shape: ["batch", 4, 6] } } },
            (b, { x }) => ({ y: causalSelfAttention(b, x, { heads: 4 }) }),
          ),
        /"attention1".*4 heads/,
      ],
    ];
    for (const [define, sentence] of faults) expect(define).toThrow(sentence);
  });
});
