/** Whole models of operators that programs write otherwise: they are composed, differentiated and trained. */
import { describe, expect, test } from "vitest";
import type { AnyNode, Graph } from "../src/graph/graph.ts";
import { verifyGraph } from "../src/graph/verify.ts";
import { buildEvaluationProgram } from "../src/program/evaluation-program.ts";
import type { ProgramOptions } from "../src/program/model-step.ts";
import { buildTrainProgram } from "../src/program/train-program.ts";
import { checkGradients, DIFFERENCE_ERROR_MAX } from "../src/reference/check-gradients.ts";
import { inspectModel } from "../src/reference/inspect.ts";
import { evaluationFeeds, nextState, random, trainFeeds } from "./programs.ts";
import { f32, floatsOf, i64, node, openGraph } from "./run-graph.ts";

const [TIME, FEATURES, HIDDEN, WIDTH, CLASSES] = [5, 3, 4, 6, 2];
const ROWS = 24;
const GEMM = { alpha: 1, beta: 1, transA: 0, transB: 1 };

/** x [batch, time, features] → y [batch, classes]; `nodes` lead from x to "features" [batch, width]. */
function classifier(
  name: string,
  width: number,
  nodes: readonly AnyNode[],
  initializers: Graph["initializers"],
  constants: readonly string[] = [],
): Graph {
  const graph: Graph = {
    name,
    inputs: [{ name: "x", type: { dtype: "float32", shape: ["batch", TIME, FEATURES] } }],
    outputs: [{ name: "y", type: { dtype: "float32", shape: ["batch", CLASSES] } }],
    initializers: new Map([
      ...initializers,
      ["out.weight", random(91, [CLASSES, width])],
      ["out.bias", random(92, [CLASSES])],
    ]),
    constants: new Set(constants),
    nodes: [...nodes, node("Gemm", ["features", "out.weight", "out.bias"], ["y"], GEMM)],
  };
  verifyGraph(graph);
  return graph;
}

/** As PyTorch exports nn.GRU(batch_first=True, bidirectional=True) and an nn.LSTM after it. */
const recurrent = classifier(
  "recurrent",
  HIDDEN,
  [
    node("Transpose", ["x"], ["x.t"], { perm: [1, 0, 2] }),
    node("GRU", ["x.t", "g.w", "g.r", "g.b"], ["g.y", "g.h"], {
      activations: ["Sigmoid", "Tanh", "Sigmoid", "Tanh"],
      direction: "bidirectional",
      hidden_size: HIDDEN,
      layout: 0,
      linear_before_reset: 1,
    }),
    node("Transpose", ["g.y"], ["g.t"], { perm: [0, 2, 1, 3] }),
    node("Reshape", ["g.t", "merge"], ["g.m"], { allowzero: 0 }),
    node("LSTM", ["g.m", "l.w", "l.r", "l.b"], ["", "l.h", ""], {
      activations: ["Sigmoid", "Tanh", "Tanh"],
      direction: "forward",
      hidden_size: HIDDEN,
      layout: 0,
      input_forget: 0,
    }),
    node("Squeeze", ["l.h", "first"], ["features"], {}),
  ],
  new Map([
    ["g.w", random(1, [2, 3 * HIDDEN, FEATURES])],
    ["g.r", random(2, [2, 3 * HIDDEN, HIDDEN])],
    ["g.b", random(3, [2, 6 * HIDDEN])],
    ["l.w", random(4, [1, 4 * HIDDEN, 2 * HIDDEN])],
    ["l.r", random(5, [1, 4 * HIDDEN, HIDDEN])],
    ["l.b", random(6, [1, 8 * HIDDEN])],
    ["merge", i64([3], [0, 0, -1])],
    ["first", i64([1], [0])],
  ]),
  ["merge", "first"],
);

const batchFirst = classifier(
  "batch-first",
  HIDDEN,
  [
    node("RNN", ["x", "r.w", "r.r"], ["", "r.h"], {
      activations: ["Tanh"],
      direction: "reverse",
      hidden_size: HIDDEN,
      layout: 1,
    }),
    node("Squeeze", ["r.h", "second"], ["features"], {}),
  ],
  new Map([
    ["r.w", random(1, [1, HIDDEN, FEATURES])],
    ["r.r", random(2, [1, HIDDEN, HIDDEN])],
    ["second", i64([1], [1])],
  ]),
  ["second"],
);

/** A block of a transformer as opset 23 writes it: RMS norm, turned queries and keys, attention, a sum around. */
const transformer = classifier(
  "transformer",
  TIME * WIDTH,
  [
    node("MatMul", ["x", "in"], ["h"], {}),
    node("Shape", ["x"], ["rows"], { start: 0, end: 1 }),
    node("Concat", ["rows", "time"], ["every"], { axis: 0 }),
    node("Expand", ["counted", "every"], ["positions"], {}),
    node("RMSNormalization", ["h", "scale"], ["n"], { axis: -1, epsilon: 1e-5, stash_type: 1 }),
    ...["q", "k", "v"].map((name) => node("MatMul", ["n", `w.${name}`], [name], {})),
    ...["q", "k"].map((name) =>
      node("RotaryEmbedding", [name, "cos", "sin", "positions"], [`${name}.turned`], {
        interleaved: 0,
        num_heads: name === "q" ? 4 : 2,
        rotary_embedding_dim: 0,
      }),
    ),
    node("Attention", ["q.turned", "k.turned", "v"], ["a"], {
      is_causal: 1,
      q_num_heads: 4,
      kv_num_heads: 2,
      softcap: 0,
    }),
    node("MatMul", ["a", "w.o"], ["o"], {}),
    node("Add", ["h", "o"], ["s"], {}),
    node("Flatten", ["s"], ["features"], { axis: 1 }),
  ],
  new Map([
    ["in", random(1, [FEATURES, WIDTH])],
    ["scale", random(2, [WIDTH])],
    ["w.q", random(3, [WIDTH, 8])],
    ["w.k", random(4, [WIDTH, 4])],
    ["w.v", random(5, [WIDTH, 4])],
    ["w.o", random(6, [8, WIDTH])],
    ["time", i64([1], [TIME])],
    // Tables lie beside the weights in a file; training leaves them alone.
    [
      "cos",
      f32(
        [TIME, 1],
        Array.from({ length: TIME }, (_, t) => Math.cos(t)),
      ),
    ],
    [
      "sin",
      f32(
        [TIME, 1],
        Array.from({ length: TIME }, (_, t) => Math.sin(t)),
      ),
    ],
    [
      "counted",
      i64(
        [1, TIME],
        Array.from({ length: TIME }, (_, t) => t),
      ),
    ],
  ]),
  ["counted", "time"],
);

const MODELS = [recurrent, batchFirst, transformer];

const OPTIONS: ProgramOptions = {
  fields: [
    { name: "x", dtype: "float32", rowShape: [TIME, FEATURES] },
    { name: "label", dtype: "uint8", rowShape: [] },
  ],
  target: "label",
  loss: "softmax-cross-entropy",
  optimizer: { adamw: { learningRate: 0.05, weightDecay: 0, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } },
  batchSize: 8,
};

const x = random(7, [ROWS, TIME, FEATURES]);
// Is the last number of the last time above 0?
const label = Uint8Array.from({ length: ROWS }, (_, row) =>
  Number((floatsOf(x)[(row + 1) * TIME * FEATURES - 1] ?? 0) > 0),
);
const fields = new Map([
  ["x", x],
  ["label", { dtype: "uint8", shape: [ROWS], data: label } as const],
]);
const batches = Array.from({ length: 60 }, (_, k) =>
  Array.from({ length: 8 }, (_, i) => (8 * k + 5 * i) % ROWS),
);

describe.each(MODELS.map((model) => [model.name, model] as const))("%s", (_, model) => {
  test("its gradients agree with differences in float64", async () => {
    const result = await checkGradients(model);
    expect(result.passed).toBe(true);
    expect(result.worst).toBeLessThan(DIFFERENCE_ERROR_MAX);
  });

  test("it learns, and evaluation sees it", async () => {
    const program = buildTrainProgram(model, OPTIONS);
    const run = await openGraph(program.graph);
    const rates = batches.map(() => 0.05);
    const results = await run(trainFeeds(program, fields, batches, rates));
    const evaluation = buildEvaluationProgram(model, OPTIONS);
    const evaluate = await openGraph(evaluation.graph);
    const lossOf = async (feeds: ReturnType<typeof evaluationFeeds>) =>
      floatsOf((await evaluate(feeds)).get("lossSum"))[0] ?? 0;
    const before = evaluationFeeds(program, evaluation, fields);
    const after = new Map([...before, ...nextState(results)]);
    expect(await lossOf(after)).toBeLessThan(0.5 * (await lossOf(before)));
  });
});

test("what a node takes as a setting is no parameter, though a file keeps it beside the weights", () => {
  const { parameters } = buildTrainProgram(transformer, OPTIONS).signature;
  expect(parameters.map(({ name }) => name)).toEqual(
    [...transformer.initializers.keys()].filter((name) => !["cos", "sin", "counted", "time"].includes(name)),
  );
});

test("a recurrent layer costs the products of each time", () => {
  const each = HIDDEN * FEATURES + HIDDEN * HIDDEN;
  const rest = HIDDEN + 2 * CLASSES * HIDDEN; // Squeeze, and the layer after it
  expect(inspectModel(batchFirst).flopsPerRow).toBe(2 * TIME * each + rest);
});

test("a label that is no class ends the call of a model that has its loss in itself; the ignored one does not", async () => {
  const attributes = { reduction: "mean", ignore_index: -100 } as const;
  const model: Graph = {
    name: "loss inside",
    inputs: [
      { name: "x", type: { dtype: "float32", shape: ["batch", FEATURES] } },
      { name: "label", type: { dtype: "int64", shape: ["batch"] } },
    ],
    outputs: [{ name: "loss", type: { dtype: "float32", shape: [] } }],
    initializers: new Map([["weight", random(5, [FEATURES, 4])]]),
    nodes: [
      node("MatMul", ["x", "weight"], ["scores"], {}),
      node("SoftmaxCrossEntropyLoss", ["scores", "label"], ["loss"], attributes),
    ],
  };
  const options: ProgramOptions = {
    ...OPTIONS,
    fields: [
      { name: "x", dtype: "float32", rowShape: [FEATURES] },
      { name: "label", dtype: "int64", rowShape: [] },
    ],
    loss: "model-output",
    batchSize: 3,
  };
  const program = buildTrainProgram(model, options);
  const run = await openGraph(program.graph);
  const stepOf = (labels: readonly number[]) =>
    run(
      trainFeeds(
        program,
        new Map([
          ["x", random(6, [3, FEATURES])],
          ["label", i64([3], labels)],
        ]),
        [[0, 1, 2]],
        [0.1],
      ),
    );
  expect(floatsOf((await stepOf([0, -100, 3])).get("loss"))[0]).toBeGreaterThan(0);
  for (const label of [-1, -4, 4]) {
    await expect(stepOf([0, label, 3]), `label ${label}`).rejects.toMatchObject({ code: "GRAPH_FAILED" });
  }
});
