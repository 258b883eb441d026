/**
 * Every layer of the builder beside PyTorch's: the same names and shapes of parameters, and, with PyTorch's values in
 * them, the same result, from the float64 evaluator and from ONNX Runtime.
 */
import { expect, test } from "vitest";
import { defineModel } from "../src/builder/define-model.ts";
import type { Value } from "../src/builder/graph-builder.ts";
import { ACTIVATIONS } from "../src/builder/layers/activation.ts";
import { LAYERS } from "../src/builder/layers.ts";
import type { ModelBuilder } from "../src/builder/model-builder.ts";
import type { Graph } from "../src/graph/graph.ts";
import type { Tensor } from "../src/graph/tensor.ts";
import { runOnnx } from "../src/onnx/testing/run-onnx.ts";
import { writeModel } from "../src/onnx/writer.ts";
import { checkGradients } from "../src/reference/check-gradients.ts";
import { evaluate } from "../src/reference/evaluate.ts";
import { referenceOf } from "../src/reference/value.ts";
import { type LayerCase, readLayerCases } from "./pytorch/layers.ts";

type Build = (b: ModelBuilder, x: Value, y: Value) => Value;

const SEEN: Tensor = { dtype: "bool", shape: [2, 4], data: Uint8Array.of(1, 1, 1, 1, 1, 1, 0, 0) };

const BUILD: Readonly<Record<string, Build>> = {
  linear: (b, x) => b.linear(x, { name: "fc", outFeatures: 3 }),
  "linear without bias": (b, x) => b.linear(x, { name: "fc", outFeatures: 3, bias: false }),
  "linear of a sequence": (b, x) => b.linear(x, { name: "fc", outFeatures: 3 }),
  conv1d: (b, x) =>
    b.conv1d(x, { name: "c", outChannels: 6, kernel: 3, stride: 2, padding: 1, dilation: 2, groups: 2 }),
  conv2d: (b, x) =>
    b.conv2d(x, {
      name: "c",
      outChannels: 6,
      kernel: [3, 2],
      stride: [2, 1],
      padding: [1, 0],
      groups: 2,
    }),
  "conv2d same": (b, x) =>
    b.conv2d(x, { name: "c", outChannels: 2, kernel: 3, padding: "same", bias: false }),
  conv3d: (b, x) => b.conv3d(x, { name: "c", outChannels: 3, kernel: [2, 3, 2], padding: [0, 1, 1] }),
  convTranspose1d: (b, x) =>
    b.convTranspose1d(x, { name: "c", outChannels: 2, kernel: 3, stride: 2, padding: 1 }),
  convTranspose2d: (b, x) =>
    b.convTranspose2d(x, {
      name: "c",
      outChannels: 6,
      kernel: 3,
      stride: 2,
      padding: 1,
      outputPadding: 1,
      groups: 2,
    }),
  convTranspose3d: (b, x) => b.convTranspose3d(x, { name: "c", outChannels: 3, kernel: 2, stride: 2 }),
  depthwiseConv2d: (b, x) => b.depthwiseConv2d(x, { name: "c", kernel: 3, padding: 1, multiplier: 2 }),
  separableConv2d: (b, x) => b.separableConv2d(x, { name: "c", outChannels: 3, kernel: 3, padding: "same" }),
  maxPool1d: (b, x) => b.maxPool1d(x, { kernel: 3, stride: 2, padding: 1, dilation: 2 }),
  maxPool2d: (b, x) => b.maxPool2d(x, { kernel: [3, 2], stride: [2, 1], padding: 1, ceil: true }),
  maxPool3d: (b, x) => b.maxPool3d(x, { kernel: 2 }),
  averagePool1d: (b, x) => b.averagePool1d(x, { kernel: 3, stride: 2, padding: 1 }),
  averagePool2d: (b, x) => b.averagePool2d(x, { kernel: 3, stride: 2, padding: 1, countPadding: false }),
  averagePool3d: (b, x) => b.averagePool3d(x, { kernel: 2 }),
  globalAveragePool: (b, x) => b.globalAveragePool(x),
  globalMaxPool: (b, x) => b.globalMaxPool(x),
  adaptiveAveragePool1d: (b, x) => b.adaptiveAveragePool1d(x, { size: 4 }),
  adaptiveAveragePool2d: (b, x) => b.adaptiveAveragePool2d(x, { size: [4, 3] }),
  adaptiveMaxPool1d: (b, x) => b.adaptiveMaxPool1d(x, { size: 4 }),
  adaptiveMaxPool2d: (b, x) => b.adaptiveMaxPool2d(x, { size: [4, 3] }),
  batchNorm1d: (b, x) => b.batchNorm1d(x, { name: "n" }),
  "batchNorm1d of a sequence": (b, x) => b.batchNorm1d(x, { name: "n", epsilon: 1e-3 }),
  batchNorm2d: (b, x) => b.batchNorm2d(x, { name: "n" }),
  batchNorm3d: (b, x) => b.batchNorm3d(x, { name: "n" }),
  layerNorm: (b, x) => b.layerNorm(x, { name: "n" }),
  "layerNorm of two axes": (b, x) => b.layerNorm(x, { name: "n", axes: 2, epsilon: 1e-3 }),
  groupNorm: (b, x) => b.groupNorm(x, { name: "n", groups: 2 }),
  instanceNorm: (b, x) => b.instanceNorm(x),
  "instanceNorm affine": (b, x) => b.instanceNorm(x, { name: "n", affine: true }),
  rmsNorm: (b, x) => b.rmsNorm(x, { name: "n" }),
  ...Object.fromEntries(
    ACTIVATIONS.map((name): [string, Build] => [`activation ${name}`, (b, x) => b.activation(x, name)]),
  ),
  prelu: (b, x) => b.prelu(x, { name: "p" }),
  "prelu per channel": (b, x) => b.prelu(x, { name: "p", perChannel: true }),
  glu: (b, x) => b.glu(x),
  softmax: (b, x) => b.softmax(x, { axis: 1 }),
  logSoftmax: (b, x) => b.logSoftmax(x),
  embedding: (b, x) => b.embedding(x, { name: "e", count: 7, width: 3 }),
  learnedPositions: (b, x) => b.learnedPositions(x, { name: "p" }),
  sinusoidalPositions: (b, x) => b.sinusoidalPositions(x),
  rotaryPositions: (b, x) => b.rotaryPositions(x),
  timeEmbedding: (b, x) => b.timeEmbedding(x, { width: 6 }),
  attention: (b, x) => b.attention(x, { name: "a", heads: 2 }),
  "attention causal": (b, x) => b.attention(x, { name: "a", heads: 2, causal: true }),
  "attention masked": (b, x) => b.attention(x, { name: "a", heads: 4, mask: b.constant("seen", SEEN) }),
  "attention across": (b, x, y) => b.attention(x, { name: "a", heads: 2, context: y }),
  groupedQueryAttention: (b, x) =>
    b.groupedQueryAttention(x, { name: "a", heads: 4, keyHeads: 2, rotary: true, causal: true }),
  transformerBlock: (b, x) => b.transformerBlock(x, { name: "h", heads: 2 }),
  llamaBlock: (b, x) => b.llamaBlock(x, { name: "h", heads: 4, keyHeads: 2, feedForward: 12 }),
  transformerEncoderLayer: (b, x) => b.transformerEncoderLayer(x, { name: "l", heads: 2, feedForward: 12 }),
  "transformerEncoderLayer norm first": (b, x) =>
    b.transformerEncoderLayer(x, {
      name: "l",
      heads: 2,
      feedForward: 12,
      activation: "gelu",
      normFirst: true,
    }),
  transformerDecoderLayer: (b, x, y) =>
    b.transformerDecoderLayer(x, { name: "l", heads: 2, feedForward: 12, context: y }),
  transformerEncoder: (b, x) =>
    b.transformerEncoder(x, { name: "stack", heads: 2, feedForward: 12, layers: 2, norm: true }),
  transformer: (b, x, y) =>
    b.transformer(x, y, { name: "t", heads: 2, feedForward: 12, encoderLayers: 1, decoderLayers: 1 }),
  lstm: (b, x) => b.lstm(x, { name: "r", hidden: 3 }),
  "lstm of two layers, both ways": (b, x) =>
    b.lstm(x, { name: "r", hidden: 3, layers: 2, bidirectional: true }),
  "lstm last": (b, x) => b.lstm(x, { name: "r", hidden: 3, bidirectional: true, output: "last" }),
  gru: (b, x) => b.gru(x, { name: "r", hidden: 3 }),
  "gru of two layers, both ways": (b, x) =>
    b.gru(x, { name: "r", hidden: 3, layers: 2, bidirectional: true, bias: false }),
  rnn: (b, x) => b.rnn(x, { name: "r", hidden: 3 }),
  basicBlock: (b, x) => b.basicBlock(x, { name: "layer1", outChannels: 4 }),
  "basicBlock that halves": (b, x) => b.basicBlock(x, { name: "layer2", outChannels: 6, stride: 2 }),
  doubleConv: (b, x) => b.doubleConv(x, { name: "d", outChannels: 3 }),
  unet: (b, x) => b.unet(x, { name: "u", channels: [3, 5], outChannels: 2 }),
  upsample: (b, x) => b.upsample(x, { factor: 2 }),
  "upsample bilinear": (b, x) => b.upsample(x, { factor: [2, 3], mode: "bilinear" }),
  pixelShuffle: (b, x) => b.pixelShuffle(x, { factor: 2 }),
  pixelUnshuffle: (b, x) => b.pixelUnshuffle(x, { factor: 2 }),
  pad: (b, x) => b.pad(x, { before: [0, 0, 1, 2], after: [0, 0, 0, 1], mode: "reflect" }),
  slice: (b, x) => b.slice(x, { axis: 2, start: 1, end: 5, step: 2 }),
  normalize: (b, x) => b.normalize(x, { axis: 1 }),
  einsum: (b, x, y) => b.einsum("bij,bkj->bik", [x, y]),
};

const CASES = readLayerCases();
/** Of float32 sums in another order, over the larger of 1 and the largest element. */
const ERROR_MAX = 1e-5;

function built(name: string, { inputs }: LayerCase): Graph {
  const named = Object.fromEntries(
    inputs.map(({ dtype, shape }, i) => [`x${i}`, { dtype, shape: ["batch", ...shape.slice(1)] }]),
  );
  return defineModel({ name, seed: 1, inputs: named }, (b, values) => {
    const [x, y] = [values["x0"], values["x1"]];
    if (x === undefined) throw new Error("a layer has an input");
    return { y: BUILD[name]?.(b, x, y ?? x) ?? x };
  });
}

function parametersOf({ initializers, constants }: Graph): Map<string, Tensor> {
  return new Map([...initializers].filter(([name]) => constants?.has(name) !== true));
}

function withState(graph: Graph, state: ReadonlyMap<string, Tensor>): Graph {
  return { ...graph, initializers: new Map([...graph.initializers, ...state]) };
}

function errorOf(found: ArrayLike<number | bigint>, { data }: Tensor): number {
  const wanted = Array.from(data, Number);
  const scale = Math.max(1, ...wanted.map(Math.abs));
  return Math.max(...wanted.map((want, i) => Math.abs(Number(found[i]) - want) / scale));
}

const shapes = (tensors: ReadonlyMap<string, Tensor>) =>
  Object.fromEntries([...tensors].map(([name, { shape }]) => [name, shape]));

test("every case of PyTorch's is built here", () => {
  expect(Object.keys(BUILD).sort()).toEqual([...CASES.keys()].sort());
});

test.for([...CASES])("%s has PyTorch's parameters and result", async ([name, given]) => {
  const graph = built(name, given);
  expect(shapes(parametersOf(graph))).toEqual(shapes(given.state));
  const model = withState(graph, given.state);
  const feeds = new Map(given.inputs.map((tensor, i) => [`x${i}`, tensor]));
  const exact = evaluate(model, new Map([...feeds].map(([key, tensor]) => [key, referenceOf(tensor)])));
  const reference = exact.get("y");
  expect(reference?.shape).toEqual(given.output.shape);
  expect(errorOf(reference?.data ?? [], given.output)).toBeLessThan(ERROR_MAX);
  const run = (await runOnnx(writeModel(model), feeds)).get("y");
  expect(errorOf(run?.data ?? [], given.output)).toBeLessThan(ERROR_MAX);
});

const TRAINED = [...CASES].filter(([name, { state }]) => state.size > 0 && !name.startsWith("activation"));

test.for(TRAINED)("%s trains: its gradients are those of float64", async ([name, given]) => {
  expect(await checkGradients(withState(built(name, given), given.state))).toMatchObject({ passed: true });
});

/** No case of their own: what they are made of has one. */
const MADE_OF_OTHERS = [
  ...["add", "sub", "mul", "div", "pow", "matmul", "sum", "mean", "max"],
  ...["reshape", "flatten", "transpose", "squeeze", "unsqueeze", "concat", "split"],
  ...["relu", "leakyRelu", "gelu", "silu", "sigmoid", "tanh"],
  ...["dropout", "causalSelfAttention", "transformerDecoder", "sequence", "repeat", "residual"],
];

test("no layer is left out", () => {
  const first = new Set([...CASES.keys()].map((name) => name.split(" ")[0]));
  expect(
    Object.keys(LAYERS)
      .filter((layer) => !first.has(layer))
      .sort(),
  ).toEqual(MADE_OF_OTHERS.sort());
});
