/**
 * Reads mutated models in a process of its own with a small heap, and builds train programs of those that can still
 * be read. Prints the seed before each and what came of it after, so that whoever started it knows what hung or died.
 *
 * node --max-old-space-size=MB fuzz-child.ts FROM TO, and as many model files as wanted
 */
import { readFileSync } from "node:fs";
import { createPrng, isFault } from "@pingo/core";
import { defineModel } from "../../src/builder/define-model.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { verifyGraph } from "../../src/graph/verify.ts";
import { readModel } from "../../src/onnx/reader.ts";
import { writeModel } from "../../src/onnx/writer.ts";
import { buildEvaluationProgram } from "../../src/program/evaluation-program.ts";
import type { ProgramOptions } from "../../src/program/model-step.ts";
import { buildTrainProgram } from "../../src/program/train-program.ts";
import { mutate } from "./mutate.ts";

const CLASSES = 4;

function ownModels(): Uint8Array[] {
  const image = {
    name: "image",
    seed: 1,
    inputs: { x: { dtype: "float32", shape: ["batch", 1, 8, 8] } },
  } as const;
  const text = { name: "text", seed: 2, inputs: { x: { dtype: "int64", shape: ["batch", 5] } } } as const;
  const convolutional = defineModel(image, (b, { x }) => {
    const features = b.maxPool2d(b.relu(b.batchNorm2d(b.conv2d(x, { outChannels: 3, kernel: 3 }))), {
      kernel: 2,
    });
    return { y: b.linear(b.flatten(features), { outFeatures: CLASSES }) };
  });
  const sequential = defineModel(text, (b, { x }) => {
    const rows = b.embedding(x, { count: 9, width: 6 });
    return { y: b.linear(b.layerNorm(b.mean(rows, { axes: [1] })), { outFeatures: CLASSES }) };
  });
  return [convolutional, sequential].map((graph) => writeModel(graph));
}

function build(model: Graph): void {
  const fields = model.inputs.map(({ name, type: { dtype, shape } }) => ({
    name,
    dtype,
    rowShape: shape.slice(1).map((dim) => (typeof dim === "number" ? dim : 2)),
  }));
  const options: ProgramOptions = {
    fields: [...fields, { name: "label", dtype: "int64", rowShape: [] }],
    target: "label",
    loss: "softmax-cross-entropy",
    optimizer: { sgd: { learningRate: 0.1, weightDecay: 0, momentum: 0, nesterov: false } },
    batchSize: 2,
  };
  buildTrainProgram(model, options);
  buildEvaluationProgram(model, options);
}

function outcomeOf(run: () => void): string {
  try {
    run();
    return "ok";
  } catch (error) {
    if (isFault(error)) return error.code;
    throw error;
  }
}

const [from = "0", to = "0", ...files] = process.argv.slice(2);
const models = [...ownModels(), ...files.map((file) => new Uint8Array(readFileSync(file)))];
const counts = new Map<string, number>();
for (let seed = Number(from); seed < Number(to); seed++) {
  const prng = createPrng(seed);
  const model = models[seed % models.length] ?? new Uint8Array();
  process.stdout.write(`seed ${seed}\n`);
  const bytes = mutate(model, models, prng);
  const outcome = outcomeOf(() => {
    const graph = readModel(bytes);
    verifyGraph(graph);
    build(graph);
  });
  counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
}
process.stdout.write(`done ${JSON.stringify(Object.fromEntries(counts))}\n`);
