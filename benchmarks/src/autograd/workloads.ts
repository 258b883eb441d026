/**
 * The workloads. A layer bears the name that the PyTorch peer gives it, so that both start from the same weights.
 *
 * Targets: docs/adr/0003-engine.md.
 */
import { defineModel, type ModelBuilder, transformerBlock, type Value } from "@pingo/autograd";
import { unet } from "./unet.ts";
import type { Workload } from "./workload.ts";

const CLASSES = { rowShape: [], draw: { below: 10 } } as const;

const mlp: Workload = {
  name: "mlp",
  model: () =>
    defineModel(
      { name: "mlp", seed: 1, inputs: { x: { dtype: "float32", shape: ["batch", 784] } } },
      (b, { x }) => {
        const first = b.relu(b.linear(x, { name: "fc1", outFeatures: 512 }));
        const second = b.relu(b.linear(first, { name: "fc2", outFeatures: 512 }));
        return { y: b.linear(second, { name: "fc3", outFeatures: 10 }) };
      },
    ),
  batchSize: 128,
  loss: "softmax-cross-entropy",
  target: "label",
  fields: { x: { rowShape: [784], draw: "gaussian" }, label: CLASSES },
  stepsPerTurn: 64,
  targets: { torchRatioMin: 1, sgemmPercentMin: null },
};

const cnn: Workload = {
  name: "cnn",
  model: () =>
    defineModel(
      { name: "cnn", seed: 2, inputs: { x: { dtype: "float32", shape: ["batch", 1, 28, 28] } } },
      (b, { x }) => {
        const layer = (value: Value, name: string, outChannels: number) =>
          b.maxPool2d(b.relu(b.conv2d(value, { name, outChannels, kernel: 3, padding: 1 })), { kernel: 2 });
        const flat = b.flatten(layer(layer(x, "conv1", 32), "conv2", 64));
        const hidden = b.relu(b.linear(flat, { name: "fc1", outFeatures: 128 }));
        return { y: b.linear(hidden, { name: "fc2", outFeatures: 10 }) };
      },
    ),
  batchSize: 64,
  loss: "softmax-cross-entropy",
  target: "label",
  fields: { x: { rowShape: [1, 28, 28], draw: "gaussian" }, label: CLASSES },
  stepsPerTurn: 16,
  targets: { torchRatioMin: 1.3, sgemmPercentMin: 55 },
};

/** 6n + 2 layers with n = 1. SOURCE: He et al., "Deep Residual Learning for Image Recognition", 2015, §4.2. */
const resnet: Workload = {
  name: "resnet8",
  model: () =>
    defineModel(
      { name: "resnet8", seed: 3, inputs: { x: { dtype: "float32", shape: ["batch", 3, 32, 32] } } },
      (b, { x }) => {
        const stem = convNorm(b, x, { name: "stem", outChannels: 16, kernel: 3, stride: 1 });
        let body = b.relu(stem);
        for (const [i, width] of [16, 32, 64].entries())
          body = residualBlock(b, body, `block${i + 1}`, width);
        return { y: b.linear(b.globalAveragePool(body), { name: "fc", outFeatures: 10 }) };
      },
    ),
  batchSize: 32,
  loss: "softmax-cross-entropy",
  target: "label",
  fields: { x: { rowShape: [3, 32, 32], draw: "gaussian" }, label: CLASSES },
  stepsPerTurn: 16,
  targets: { torchRatioMin: 1.3, sgemmPercentMin: null },
};

interface ConvNorm {
  readonly name: string;
  readonly outChannels: number;
  readonly kernel: number;
  readonly stride: number;
}

function convNorm(b: ModelBuilder, x: Value, { name, ...conv }: ConvNorm): Value {
  const padding = conv.kernel >> 1;
  return b.batchNorm2d(b.conv2d(x, { ...conv, name: `${name}.conv`, padding, bias: false }), {
    name: `${name}.norm`,
  });
}

/** Halves the picture where it widens. */
function residualBlock(b: ModelBuilder, x: Value, name: string, outChannels: number): Value {
  const widens = x.type.shape[1] !== outChannels;
  const stride = widens ? 2 : 1;
  const first = b.relu(convNorm(b, x, { name: `${name}.first`, outChannels, kernel: 3, stride }));
  const second = convNorm(b, first, { name: `${name}.second`, outChannels, kernel: 3, stride: 1 });
  const passed = widens ? convNorm(b, x, { name: `${name}.pass`, outChannels, kernel: 1, stride }) : x;
  return b.relu(b.add(second, passed));
}

const GPT = { width: 128, layers: 4, heads: 4, positions: 128, vocabulary: 256 } as const;

export const GPT_WORKLOAD: Workload = {
  name: "gpt",
  model: () => gptModel(GPT.layers),
  batchSize: 16,
  loss: "softmax-cross-entropy",
  target: "next",
  fields: {
    tokens: { rowShape: [GPT.positions], draw: { below: GPT.vocabulary } },
    next: { rowShape: [GPT.positions], draw: { below: GPT.vocabulary } },
  },
  stepsPerTurn: 8,
  targets: { torchRatioMin: 1, sgemmPercentMin: 65 },
};

export function gptModel(layers: number) {
  const { width, heads, positions, vocabulary } = GPT;
  return defineModel(
    { name: "gpt", seed: 4, inputs: { tokens: { dtype: "int64", shape: ["batch", positions] } } },
    (b, { tokens }) => {
      const deviation = 0.02;
      const places = b.ints(
        "places",
        Array.from({ length: positions }, (_, i) => i),
      );
      let x = b.add(
        b.embedding(tokens, { name: "tokens", count: vocabulary, width, deviation }),
        b.embedding(places, { name: "positions", count: positions, width, deviation }),
      );
      for (let i = 0; i < layers; i++) x = transformerBlock(b, x, { name: `blocks.${i}`, heads });
      const normed = b.layerNorm(x, { name: "norm" });
      return { y: b.linear(normed, { name: "head", outFeatures: vocabulary, bias: false, deviation }) };
    },
  );
}

export const WORKLOADS: readonly Workload[] = [mlp, cnn, resnet, GPT_WORKLOAD, unet];
