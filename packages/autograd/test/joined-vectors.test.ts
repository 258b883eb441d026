import type { Optimizer } from "@pingo/core";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { defineModel } from "../src/builder/define-model.ts";
import { readModel } from "../src/onnx/reader.ts";
import type { ProgramOptions } from "../src/program/model-step.ts";
import { buildTrainProgram } from "../src/program/train-program.ts";
import { initialState, random, trainFeeds } from "./programs.ts";
import { f32, floatsOf, openGraph } from "./run-graph.ts";

const [ROWS, WIDTH] = [6, 5];
const RATE = { learningRate: 0.01, weightDecay: 0 };
const OPTIMIZERS: readonly Optimizer[] = [
  { adamw: { ...RATE, beta1: 0.9, beta2: 0.99, epsilon: 1e-8 } },
  { sgd: { ...RATE, momentum: 0.9, nesterov: true } },
  { lion: { ...RATE, beta1: 0.9, beta2: 0.99 } },
  { muon: { ...RATE, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, momentum: 0.95 } },
];
const fields = new Map([
  ["x", random(1, [ROWS, WIDTH])],
  ["y", random(2, [ROWS, WIDTH])],
]);

interface Deep {
  readonly layers: number;
  readonly width: number;
  readonly hasNorms: boolean;
}

function deepModel({ layers, width, hasNorms }: Deep) {
  return defineModel(
    { name: "deep", seed: 3, inputs: { x: { dtype: "float32", shape: ["batch", width] } } },
    (b, { x }) => {
      let h = x;
      for (let i = 0; i < layers; i++) {
        const made = b.linear(h, { name: `fc${i}`, outFeatures: width });
        h = b.tanh(hasNorms ? b.layerNorm(made, { name: `norm${i}` }) : made);
      }
      return { y: h };
    },
  );
}

function programOf(deep: Deep, optimizer: Optimizer, batchSize: number) {
  const options: ProgramOptions = {
    fields: ["x", "y"].map((name) => ({ name, dtype: "float32", rowShape: [deep.width] })),
    target: "y",
    loss: "mean-squared-error",
    optimizer,
    batchSize,
  };
  return buildTrainProgram(deepModel(deep), options);
}

/** Vectors of rates of their own are not joined. */
function apart(optimizer: Optimizer, { layers, hasNorms }: Deep): Optimizer {
  const patterns = ["fc*.bias", ...(hasNorms ? ["norm*.weight", "norm*.bias"] : [])];
  const rates = Array.from({ length: layers }, (_, i) =>
    patterns.map((pattern, k) => ({
      pattern: pattern.replace("*", String(i)),
      // So little that no rate is another number, but a key of its own.
      factor: 1 + (1 + 3 * i + k) * 2 ** -40,
    })),
  );
  return { ...optimizer, rates: rates.flat() };
}

test("vectors stepped as one become what they become apart, to the last bit", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...OPTIMIZERS),
      fc.integer({ min: 1, max: 3 }),
      async (optimizer, layers) => {
        const deep = { layers, width: WIDTH, hasNorms: true };
        const programs = [optimizer, apart(optimizer, deep)].map((each) => programOf(deep, each, 3));
        const [joined, single] = programs.map(({ graph }) =>
          readModel(graph).nodes.find(({ op }) => op === "Scan"),
        );
        expect(joined?.inputs.length).toBeLessThan(single?.inputs.length ?? 0);
        const results = await Promise.all(
          programs.map(async (program) => {
            // Moments that a run has left; the second are no less than 0.
            const state = new Map(
              [...initialState(program)].map(([name, tensor], i) => {
                const moments = floatsOf(random(i, tensor.shape)).map(Math.abs);
                return [name, name.startsWith("w/") ? tensor : f32(tensor.shape, moments)];
              }),
            );
            return (await openGraph(program.graph))(
              trainFeeds(
                program,
                fields,
                [
                  [0, 3, 5],
                  [1, 2, 4],
                ],
                [0.01, 0.02],
                { state, stepsBefore: 4 },
              ),
            );
          }),
        );
        const [one, other] = results.map((outputs) =>
          [...outputs].map(([name, tensor]) => [name, floatsOf(tensor)] as const).sort(),
        );
        expect(one).toEqual(other);
      },
    ),
    { numRuns: 12 },
  );
});

test("joined gradients keep no layer's values longer: a plan is no larger than that of vectors apart", () => {
  const deep = { layers: 8, width: 64, hasNorms: false };
  for (const optimizer of OPTIMIZERS) {
    const [joined = 0, single = 0] = [optimizer, apart(optimizer, deep)].map(
      (each) => programOf(deep, each, 512).memory.stepBytes,
    );
    expect(joined).toBeLessThanOrEqual(1.01 * single);
  }
});
