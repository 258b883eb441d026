/** Small models over images of [2, 8, 8], three classes, and rows for them. */
import { defineModel } from "../src/builder/define-model.ts";
import type { Value } from "../src/builder/graph-builder.ts";
import { transformerBlock } from "../src/builder/layers/language.ts";
import type { Graph } from "../src/graph/graph.ts";
import type { Tensor } from "../src/graph/tensor.ts";
import type { ProgramOptions } from "../src/program/model-step.ts";
import { random } from "./programs.ts";
import { i64 } from "./run-graph.ts";

export const IMAGE_ROWS = 24;

export const IMAGE_OPTIONS: ProgramOptions = {
  fields: [
    { name: "x", dtype: "float32", rowShape: [2, 8, 8] },
    { name: "label", dtype: "int64", rowShape: [] },
  ],
  target: "label",
  loss: "softmax-cross-entropy",
  optimizer: { adamw: { learningRate: 0.01, weightDecay: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-3 } },
  batchSize: 12,
};

export const IMAGE = { x: { dtype: "float32", shape: ["batch", 2, 8, 8] } } as const;

/** Every kind of way through a model: skips, batch norm, attention, dropout. */
export const MODELS = {
  residual: defineModel({ name: "residual", seed: 1, inputs: IMAGE }, (b, { x }) => {
    let y = b.conv2d(x, { outChannels: 4, kernel: 3, padding: 1 });
    for (let i = 0; i < 4; i++) y = b.add(y, b.relu(b.conv2d(y, { outChannels: 4, kernel: 3, padding: 1 })));
    return { y: b.linear(b.flatten(y), { outFeatures: 3 }) };
  }),
  batchNorm: defineModel({ name: "batchNorm", seed: 2, inputs: IMAGE }, (b, { x }) => {
    let y = x;
    for (let i = 0; i < 3; i++)
      y = b.relu(b.batchNorm2d(b.conv2d(y, { outChannels: 4, kernel: 3, padding: 1 })));
    return { y: b.linear(b.flatten(b.maxPool2d(y, { kernel: 2 })), { outFeatures: 3 }) };
  }),
  attention: defineModel({ name: "attention", seed: 3, inputs: IMAGE }, (b, { x }) => {
    let y = b.reshape(x, [0, 16, 8]);
    for (let i = 0; i < 3; i++) y = b.dropout(transformerBlock(b, y, { heads: 2 }), { ratio: 0.25 });
    return { y: b.linear(b.flatten(y), { outFeatures: 3 }) };
  }),
} satisfies Record<string, Graph>;

/** Channels in whole blocks of every processor: what is tuned differs from what is not. */
export const BLOCKS: Graph = defineModel({ name: "blocks", seed: 4, inputs: IMAGE }, (b, { x }) => {
  const conv = (from: Value, outChannels: number, stride = 1) =>
    b.relu(b.batchNorm2d(b.conv2d(from, { outChannels, kernel: 3, padding: 1, stride })));
  const first = conv(x, 16);
  const second = b.maxPool2d(b.add(conv(first, 16), first), { kernel: 2 });
  return { y: b.linear(b.globalAveragePool(conv(second, 32, 2)), { outFeatures: 3 }) };
});

export const imageFields = (): Map<string, Tensor> =>
  new Map([
    ["x", random(7, [IMAGE_ROWS, 2, 8, 8], 2)],
    [
      "label",
      i64(
        [IMAGE_ROWS],
        Array.from({ length: IMAGE_ROWS }, (_, i) => (i * 7) % 3),
      ),
    ],
  ]);
