/** Against what PyTorch's autograd found for models that it exported. */
import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Tensor } from "../src/graph/tensor.ts";
import { readModel } from "../src/onnx/reader.ts";
import { buildEvaluationProgram } from "../src/program/evaluation-program.ts";
import { buildTrainProgram } from "../src/program/train-program.ts";
import { evaluationFeeds, trainFeeds } from "./programs.ts";
import { f32, floatsOf, i64, openGraph } from "./run-graph.ts";

interface Entry {
  readonly role: "input" | "target" | "output" | "gradient";
  readonly name: string;
  readonly dtype: "float32" | "int64";
  readonly shape: readonly number[];
  readonly offset: number;
}

const folder = new URL("../../../../shared/fixtures/autograd/", import.meta.url);
const isMissing = !existsSync(folder);
const RELATIVE_ERROR_MAX = 1e-4;

test.skipIf(!isMissing)("the PyTorch cases are not beside this checkout: nothing is compared", () => {
  expect(isMissing).toBe(true);
});

test.skipIf(isMissing).for(["mlp", "cnn", "gpt"])(
  "every gradient of %s is PyTorch's, and so is the loss",
  async (name) => {
    const { model, value, entries, tensors } = readCase(name);
    const input = one(entries, "input");
    const target = one(entries, "target");
    const options = {
      fields: [input, target].map(({ name, dtype, shape }) => ({ name, dtype, rowShape: shape.slice(1) })),
      target: target.name,
      loss: "softmax-cross-entropy",
      optimizer: { adamw: { learningRate: 1, weightDecay: 0, beta1: 0, beta2: 0, epsilon: 1 } },
      batchSize: input.shape[0] ?? 0,
    } as const;
    const program = buildTrainProgram(model, options);
    const fields = new Map([input, target].map(({ name }) => [name, tensors.get(name) ?? f32([], [])]));
    const rows = [Array.from({ length: options.batchSize }, (_, i) => i)];
    const results = await (await openGraph(program.graph))(trainFeeds(program, fields, rows, [0]));
    expect(floatsOf(results.get("loss"))[0]).toBeCloseTo(value, 5);

    const gradients = entries.filter(({ role }) => role === "gradient");
    // With β₁ = 0 the first moment is the gradient.
    const ours = new Map(
      program.signature.parameters.map(({ name }, i) => [name, floatsOf(results.get(`m/${i}/next`))]),
    );
    const largest = Math.max(...gradients.flatMap(({ name }) => floatsOf(tensors.get(name)).map(Math.abs)));
    for (const { name } of gradients) {
      const expected = floatsOf(tensors.get(name));
      const found = ours.get(name) ?? [];
      const error = Math.max(...expected.map((g, i) => Math.abs(g - (found[i] ?? Number.NaN))));
      // A gradient that is zero but for rounding, as of a bias before batch norm, is measured against the others'.
      const scale = Math.max(...expected.map(Math.abs), 1e-3 * largest);
      expect(error / scale, name).toBeLessThan(RELATIVE_ERROR_MAX);
    }
    const trained = program.signature.parameters.filter(({ kind }) => kind === "trained");
    expect(trained.map(({ name }) => name).sort()).toEqual(gradients.map(({ name }) => name).sort());
  },
);

test.skipIf(isMissing).for(["mlp", "cnn", "gpt"])(
  "%s trains at a batch size it was not exported for",
  async (name) => {
    const { model, entries, tensors } = readCase(name);
    const input = one(entries, "input");
    const target = one(entries, "target");
    const options = {
      fields: [input, target].map(({ name, dtype, shape }) => ({ name, dtype, rowShape: shape.slice(1) })),
      target: target.name,
      loss: "softmax-cross-entropy",
      optimizer: { adamw: { learningRate: 1, weightDecay: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } },
      batchSize: 2,
    } as const;
    const fields = new Map([input, target].map(({ name }) => [name, tensors.get(name) ?? f32([], [])]));
    const program = buildTrainProgram(model, options);
    const batches = Array.from({ length: 20 }, () => [0, 1]);
    const results = await (await openGraph(program.graph))(
      trainFeeds(program, fields, batches, new Array<number>(20).fill(0.01)),
    );
    const losses = floatsOf(results.get("loss"));
    expect(losses.at(-1)).toBeLessThan((losses[0] ?? 0) / 2);

    const evaluation = buildEvaluationProgram(model, options);
    const sums = await (await openGraph(evaluation.graph))(evaluationFeeds(program, evaluation, fields));
    const positions = target.shape.reduce((a, b) => a * b, 1);
    expect(floatsOf(sums.get("count"))).toEqual([positions]);
  },
);

function readCase(name: string) {
  const path = (file: string) => new URL(`${name}/${file}`, folder);
  const { value, tensors: entries }: { value: number; tensors: Entry[] } = JSON.parse(
    readFileSync(path("case.json"), "utf8"),
  );
  const bytes = Uint8Array.from(readFileSync(path("case.bin"))).buffer;
  const tensors = new Map(entries.map((entry) => [entry.name, tensorAt(entry, bytes)]));
  return { model: readModel(readFileSync(path("model.onnx"))), value, entries, tensors };
}

function tensorAt({ dtype, shape, offset }: Entry, bytes: ArrayBuffer): Tensor {
  const length = shape.reduce((a, b) => a * b, 1);
  return dtype === "int64"
    ? i64(shape, Array.from(new BigInt64Array(bytes, offset, length), Number))
    : f32(shape, new Float32Array(bytes, offset, length));
}

function one(entries: readonly Entry[], role: Entry["role"]): Entry {
  const entry = entries.find((candidate) => candidate.role === role);
  if (entry === undefined) throw new Error(`the case has no ${role}`);
  return entry;
}
