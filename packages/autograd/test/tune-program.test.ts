import { describe, expect, test } from "vitest";
import type { Graph } from "../src/graph/graph.ts";
import {
  defineModel,
  type ModelBuilder,
  openTrainer,
  type RuntimeProgram,
  startTrainer,
  type Trainer,
  tuneProgram,
  type Value,
} from "../src/index.ts";
import { tuneGraph } from "../src/lower/tune-graph.ts";
import { readModel } from "../src/onnx/reader.ts";
import { buildTrainProgram } from "../src/program/train-program.ts";
import { random } from "./programs.ts";

const BATCH = 4;
const OPTIONS = {
  fields: [
    { name: "x", dtype: "float32", rowShape: [16, 7, 9] },
    { name: "label", dtype: "uint8", rowShape: [] },
  ],
  target: "label",
  loss: "softmax-cross-entropy",
  optimizer: { sgd: { learningRate: 0.1, weightDecay: 0, momentum: 0.9, nesterov: false } },
  batchSize: BATCH,
} as const;
const FIELDS = () =>
  new Map([
    ["x", random(3, [BATCH, 16, 7, 9], 1)],
    ["label", { dtype: "uint8", shape: [BATCH], data: Uint8Array.of(0, 1, 2, 1) } as const],
  ]);

/** 16 and 32 are whole blocks of every processor. */
function model(convolve: (b: ModelBuilder, x: Value) => Value): Graph {
  return defineModel(
    { name: "blocks", seed: 5, inputs: { x: { dtype: "float32", shape: ["batch", 16, 7, 9] } } },
    (b, { x }) => ({ y: b.linear(b.globalAveragePool(convolve(b, x)), { outFeatures: 3 }) }),
  );
}

async function trained<P extends RuntimeProgram>(
  program: P,
  weights: Float32Array,
  open: (program: P) => Promise<Trainer> = openTrainer,
) {
  await using trainer = await open(program);
  await trainer.setFields(FIELDS());
  await trainer.reset(weights);
  const indices = BigInt64Array.from({ length: 3 * BATCH }, (_, i) => BigInt(i % BATCH));
  const losses = await trainer.run(indices, new Float32Array(3).fill(0.1));
  return { losses: [...losses], weights: [...(await trainer.weights())] };
}

function largestDifference(a: readonly number[], b: readonly number[]): number {
  return Math.max(...a.map((value, i) => Math.abs(value - (b[i] ?? Number.NaN))));
}

const MODELS: readonly (readonly [string, (b: ModelBuilder, x: Value) => Value])[] = [
  ["same size", (b, x) => b.conv2d(x, { outChannels: 32, kernel: 3, padding: 1 })],
  [
    "two layers, the first with a relu of its own",
    (b, x) =>
      b.conv2d(b.relu(b.conv2d(x, { outChannels: 32, kernel: 3, padding: 1 })), {
        outChannels: 16,
        kernel: 3,
        bias: false,
      }),
  ],
  [
    "strides, then more channels in than out",
    (b, x) =>
      b.conv2d(b.conv2d(x, { outChannels: 32, kernel: 3, stride: 2 }), {
        outChannels: 16,
        kernel: [1, 3],
        padding: [0, 2],
      }),
  ],
  [
    "dilations, and a value that a relu and something else read",
    (b, x) => {
      const y = b.conv2d(x, { outChannels: 16, kernel: 3, dilation: 2, padding: 2 });
      return b.conv2d(b.add(b.relu(y), y), { outChannels: 16, kernel: 1 });
    },
  ],
];

describe("a tuned program trains as the program it was made of, but for the last digits", () => {
  test.for(MODELS)("%s", async ([, convolve]) => {
    const program = buildTrainProgram(model(convolve), OPTIONS);
    const tuned = await tuneProgram(program);
    const [plain, fast] = [
      await trained(program, program.initialWeights),
      await trained(tuned, program.initialWeights),
    ];
    expect(largestDifference(plain.losses, fast.losses)).toBeLessThan(1e-5);
    expect(largestDifference(plain.weights, fast.weights)).toBeLessThan(1e-5);
  });

  test("with rows looked up by several threads", async () => {
    const words = defineModel(
      { name: "words", seed: 6, inputs: { x: { dtype: "int64", shape: ["batch", 5] } } },
      (b, { x }) => ({
        y: b.linear(b.flatten(b.embedding(x, { count: 4, width: 8 })), { outFeatures: 3 }),
      }),
    );
    const program = buildTrainProgram(words, {
      ...OPTIONS,
      fields: [
        { name: "x", dtype: "int64", rowShape: [5] },
        { name: "label", dtype: "uint8", rowShape: [] },
      ],
    });
    const graph = readModel(tuneGraph(program.graph, { channelBlock: 1, threads: 2 }));
    const bodies = graph.nodes.flatMap((node) => (node.op === "Scan" ? node.attributes.body.nodes : []));
    expect(bodies.map(({ op }) => op)).toContain("ScatterElements");
    expect(bodies.filter((node) => node.op === "ScatterND" && node.attributes.reduction === "add")).toEqual(
      [],
    );
    const run = async (given: typeof program) => {
      await using trainer = await openTrainer(given);
      const data = BigInt64Array.from({ length: 5 * BATCH }, (_, i) => BigInt((i * 7) % 4));
      await trainer.setFields(new Map([...FIELDS(), ["x", { dtype: "int64", shape: [BATCH, 5], data }]]));
      await trainer.reset(program.initialWeights);
      await trainer.run(BigInt64Array.of(0n, 1n, 2n, 3n), Float32Array.of(0.1));
      return [...(await trainer.weights())];
    };
    expect(
      largestDifference(await run(program), await run(await tuneProgram(program, { threads: 2 }))),
    ).toBeLessThan(1e-6);
  });
});

test.for([["in this thread", openTrainer] as const, ["in a worker", startTrainer] as const])(
  "a trainer %s brings a program to this machine itself",
  async ([, open]) => {
    const program = buildTrainProgram(
      model((b, x) => b.conv2d(x, { outChannels: 32, kernel: 3 })),
      OPTIONS,
    );
    const train = (given: typeof program, isTuned: boolean) =>
      trained(given, program.initialWeights, (it) => open(it, { isTuned }));
    const wanted = await train(await tuneProgram(program), false);
    expect(await train(program, true)).toEqual(wanted);
    expect(await train(program, false)).not.toEqual(wanted);
  },
);

test("convolutions of whole blocks are all replaced, the rest stays", () => {
  const program = buildTrainProgram(
    model((b, x) => b.conv2d(b.conv2d(x, { outChannels: 32, kernel: 3 }), { outChannels: 5, kernel: 3 })),
    OPTIONS,
  );
  const bytes = tuneGraph(program.graph, { channelBlock: 16, threads: 1 });
  const text = Buffer.from(bytes).toString("latin1");
  expect(text.split("ReorderOutput").length - 1).toBeGreaterThan(0);
  // Its operators are for ONNX Runtime alone.
  expect(() => readModel(bytes)).toThrow(/ReorderInput, which is not supported/);
});
