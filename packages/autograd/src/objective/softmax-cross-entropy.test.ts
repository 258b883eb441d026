import type { LossSettings } from "@pingo/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { random } from "../../test/programs.ts";
import { f32, floatsOf, i64, openGraph } from "../../test/run-graph.ts";
import type { Graph } from "../graph/graph.ts";
import type { Tensor } from "../graph/tensor.ts";
import { Emitter } from "../rules/emitter.ts";
import { classAxis } from "./objective.ts";
import { softmaxCrossEntropy } from "./softmax-cross-entropy.ts";

async function crossEntropy(logits: Tensor, target: Tensor, settings: LossSettings = {}) {
  const bound = softmaxCrossEntropy.bind({ output: logits.shape, target: target.shape, settings });
  if ("why" in bound) throw new Error(bound.why);
  const emit = new Emitter("loss");
  const z = { name: "z", dtype: "float32", shape: logits.shape } as const;
  const t = { name: "t", dtype: "int64", shape: target.shape } as const;
  const objective = bound.emit(emit, z, t);
  const outputs = [objective.loss(), objective.gradient()];
  const graph: Graph = {
    name: "loss",
    inputs: [z, t].map(({ name, dtype, shape }) => ({ name, type: { dtype, shape } })),
    outputs: outputs.map(({ name, dtype, shape }) => ({ name, type: { dtype, shape } })),
    initializers: emit.constants,
    nodes: emit.nodes,
  };
  const results = await (await openGraph(graph))(
    new Map([
      ["z", logits],
      ["t", target],
    ]),
  );
  const [loss = [], gradient = []] = outputs.map(({ name }) => floatsOf(results.get(name)));
  return { loss: loss[0] ?? Number.NaN, gradient };
}

test("classes lie on the last axis, or on axis 1 where only that fits", () => {
  expect(classAxis([8, 10], [8])).toBe(1);
  expect(classAxis([2, 7, 5], [2, 7])).toBe(2);
  expect(classAxis([2, 5, 4, 3], [2, 4, 3])).toBe(1);
  expect(classAxis([2, 3, 3], [2, 3])).toBe(2);
  expect(classAxis([8, 10], [8, 1])).toBeUndefined();
  expect(classAxis([8], [])).toBeUndefined();
});

test("equal logits cost ln C, and a sure right answer nothing", async () => {
  expect((await crossEntropy(f32([2, 4], new Array<number>(8).fill(3)), i64([2], [0, 3]))).loss).toBeCloseTo(
    Math.log(4),
    6,
  );
  expect((await crossEntropy(f32([1, 3], [0, 50, 0]), i64([1], [1]))).loss).toBeCloseTo(0, 6);
});

test("logits of 10⁴ overflow nowhere", async () => {
  const { loss, gradient } = await crossEntropy(f32([1, 3], [1e4, -1e4, 0]), i64([1], [2]));
  expect(loss).toBeCloseTo(1e4, 0);
  expect(gradient).toEqual([1, 0, -1]);
});

test("the gradient is (softmax − onehot)/n, on whichever axis the classes lie", async () => {
  const shapes = [
    { logits: [4, 3], target: [4] },
    { logits: [2, 3, 5], target: [2, 3] },
    { logits: [2, 5, 3, 4], target: [2, 3, 4] },
  ];
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...shapes), fc.nat({ max: 1_000 }), async (shape, seed) => {
      const logits = random(seed, shape.logits, 3);
      const axis = classAxis(shape.logits, shape.target) ?? 0;
      const classes = shape.logits[axis] ?? 0;
      const positions = shape.target.reduce((a, b) => a * b, 1);
      const inner = shape.logits.slice(axis + 1).reduce((a, b) => a * b, 1);
      const labels = Array.from({ length: positions }, (_, i) => (i * 7 + seed) % classes);
      const { loss, gradient } = await crossEntropy(logits, i64(shape.target, labels));
      const z = floatsOf(logits);
      let expectedLoss = 0;
      labels.forEach((label, position) => {
        const at = (c: number) => (Math.floor(position / inner) * classes + c) * inner + (position % inner);
        const total = Array.from({ length: classes }, (_, c) => Math.exp(z[at(c)] ?? 0)).reduce(
          (a, b) => a + b,
        );
        expectedLoss += (Math.log(total) - (z[at(label)] ?? 0)) / positions;
        for (let c = 0; c < classes; c++) {
          const expected = (Math.exp(z[at(c)] ?? 0) / total - (c === label ? 1 : 0)) / positions;
          expect(gradient[at(c)]).toBeCloseTo(expected, 5);
        }
      });
      expect(loss).toBeCloseTo(expectedLoss, 4);
    }),
    { numRuns: 12 },
  );
});

test("a label that is no class ends the call, whatever the settings; the ignored one does not", async () => {
  const settings: readonly LossSettings[] = [
    {},
    { labelSmoothing: 0.1 },
    { classWeights: [1, 2, 3] },
    { ignoreIndex: -100 },
    { ignoreIndex: 1, labelSmoothing: 0.1, classWeights: [1, 2, 3] },
  ];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...settings),
      fc.constantFrom(-3, -1, 3, 255),
      fc.nat({ max: 3 }),
      async (each, label, at) => {
        const labels = [2, 0, each.ignoreIndex ?? 1, 2];
        const logits = random(at, [4, 3]);
        expect((await crossEntropy(logits, i64([4], labels), each)).loss).toBeGreaterThan(0);
        await expect(crossEntropy(logits, i64([4], labels.with(at, label)), each)).rejects.toMatchObject({
          code: "GRAPH_FAILED",
          message: expect.stringContaining("a label of the data is no class of the model"),
        });
      },
    ),
    { numRuns: 25 },
  );
});
