import type { Loss, LossSettings } from "@pingo/core";
import { describe, expect, test } from "vitest";
import { random } from "../../test/programs.ts";
import { f32, floatsOf, i64, openGraph } from "../../test/run-graph.ts";
import type { Graph } from "../graph/graph.ts";
import type { Tensor } from "../graph/tensor.ts";
import { Emitter } from "../rules/emitter.ts";
import { OBJECTIVES } from "./objectives.ts";

interface Case {
  readonly loss: Loss;
  readonly output: Tensor;
  readonly target: Tensor;
  readonly settings?: LossSettings;
  /** In float64. */
  readonly expected: (output: readonly number[]) => number;
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
const logSoftmax = (z: readonly number[]) => z.map((each) => each - Math.log(sum(z.map(Math.exp))));
const rowsOf = (values: readonly number[], length: number) =>
  Array.from({ length: values.length / length }, (_, i) => values.slice(i * length, (i + 1) * length));
const ELEMENTS = random(5, [4, 3], 2);
const TARGETS = random(6, [4, 3], 2);
const SHARES = f32(
  [4, 3],
  floatsOf(TARGETS).map((t) => Math.abs(t) / 2),
);
const DISTRIBUTIONS = f32([2, 3], [0.2, 0.5, 0.3, 0, 1, 0]);
const LABELS = [2, 0, -100, 1];
const LABEL_WEIGHTS = [0.5, 2, 1.5];

/** The mean over all elements of a loss of one element. */
function each(target: Tensor, loss: (y: number, t: number) => number): Case["expected"] {
  const t = floatsOf(target);
  return (output) => sum(output.map((y, i) => loss(y, t[i] ?? 0))) / output.length;
}

/** SOURCE: PyTorch's CrossEntropyLoss, with its weight, ignore_index and label_smoothing. */
function crossEntropy(weights: readonly number[], smoothing: number, ignored: number): Case["expected"] {
  return (output) => {
    const terms = rowsOf(output, 3).map((z, i) => {
      const label = LABELS[i] ?? 0;
      if (label === ignored) return { loss: 0, weight: 0 };
      const logs = logSoftmax(z);
      const weight = weights[label] ?? 0;
      const spread = (smoothing / 3) * sum(logs.map((log, c) => (weights[c] ?? 0) * log));
      return { loss: -(1 - smoothing) * weight * (logs[label] ?? 0) - spread, weight };
    });
    return sum(terms.map(({ loss }) => loss)) / sum(terms.map(({ weight }) => weight));
  };
}

const CASES: readonly (readonly [string, Case])[] = [
  [
    "softmax cross-entropy with weights, smoothing and an ignored label",
    {
      loss: "softmax-cross-entropy",
      output: ELEMENTS,
      target: i64([4], LABELS),
      settings: { classWeights: LABEL_WEIGHTS, labelSmoothing: 0.2, ignoreIndex: -100 },
      expected: crossEntropy(LABEL_WEIGHTS, 0.2, -100),
    },
  ],
  [
    "softmax cross-entropy with an ignored label only",
    {
      loss: "softmax-cross-entropy",
      output: ELEMENTS,
      target: i64([4], LABELS),
      settings: { ignoreIndex: -100 },
      expected: crossEntropy([1, 1, 1], 0, -100),
    },
  ],
  [
    "binary cross-entropy with a positive weight",
    {
      loss: "binary-cross-entropy",
      output: ELEMENTS,
      target: SHARES,
      settings: { positiveWeight: 3 },
      expected: each(SHARES, (z, t) => (1 - t) * z + (1 + 2 * t) * Math.log1p(Math.exp(-z))),
    },
  ],
  [
    "mean squared error",
    {
      loss: "mean-squared-error",
      output: ELEMENTS,
      target: TARGETS,
      expected: each(TARGETS, (y, t) => (y - t) ** 2),
    },
  ],
  [
    "mean absolute error of a column against rows",
    {
      loss: "mean-absolute-error",
      output: random(5, [4, 1], 2),
      target: random(6, [4], 2),
      expected: each(random(6, [4], 2), (y, t) => Math.abs(y - t)),
    },
  ],
  [
    "huber",
    {
      loss: "huber",
      output: ELEMENTS,
      target: TARGETS,
      settings: { delta: 0.7 },
      expected: each(TARGETS, (y, t) => {
        const d = Math.abs(y - t);
        return d <= 0.7 ? d ** 2 / 2 : 0.7 * (d - 0.35);
      }),
    },
  ],
  [
    "KL divergence",
    {
      loss: "kl-divergence",
      output: random(5, [2, 3], 2),
      target: DISTRIBUTIONS,
      expected: (output) => {
        const q = rowsOf(floatsOf(DISTRIBUTIONS), 3);
        const terms = rowsOf(output, 3).map((z, i) =>
          sum(
            logSoftmax(z).map((log, c) => (q[i]?.[c] ? (q[i][c] ?? 0) * (Math.log(q[i][c] ?? 1) - log) : 0)),
          ),
        );
        return sum(terms) / terms.length;
      },
    },
  ],
  [
    "a model that computes its loss itself",
    { loss: "model-output", output: random(5, [4]), target: TARGETS, expected: (y) => sum(y) / y.length },
  ],
];

describe("loss and gradient agree with float64", () => {
  test.for(CASES)("%s", async ([, { loss, output, target, settings = {}, expected }]) => {
    const bound = OBJECTIVES[loss].bind({ output: output.shape, target: target.shape, settings });
    if ("why" in bound) throw new Error(bound.why);
    const emit = new Emitter("loss");
    const y = { name: "y", dtype: "float32", shape: output.shape } as const;
    const given = { name: "t", dtype: target.dtype, shape: target.shape };
    const objective = bound.emit(emit, y, emit.reshape(given, bound.targetShape));
    const values = [objective.loss(), objective.gradient()];
    const graph: Graph = {
      name: "loss",
      inputs: [y, given].map(({ name, dtype, shape }) => ({ name, type: { dtype, shape } })),
      outputs: values.map(({ name, dtype, shape }) => ({ name, type: { dtype, shape } })),
      initializers: emit.constants,
      nodes: emit.nodes,
    };
    const run = await openGraph(graph);
    const results = await run(
      new Map([
        ["y", output],
        ["t", target],
      ]),
    );
    const [[found = Number.NaN] = [], gradient = []] = values.map(({ name }) => floatsOf(results.get(name)));
    const at = floatsOf(output);
    expect(Math.abs(found - expected(at))).toBeLessThan(1e-6);
    for (const [i, value] of at.entries()) {
      const h = 1e-5;
      const difference = (expected(at.with(i, value + h)) - expected(at.with(i, value - h))) / (2 * h);
      expect(Math.abs((gradient[i] ?? Number.NaN) - difference), `element ${i}`).toBeLessThan(1e-6);
    }
  });
});

test("a batch in which nothing counts costs nothing", async () => {
  const settings = { ignoreIndex: 1 };
  const bound = OBJECTIVES["softmax-cross-entropy"].bind({ output: [2, 3], target: [2], settings });
  if ("why" in bound) throw new Error(bound.why);
  const emit = new Emitter("loss");
  const target = emit.constant(i64([2], [1, 1]));
  const objective = bound.emit(emit, emit.constant(random(5, [2, 3])), target);
  const values = [objective.loss(), objective.gradient()];
  const run = await openGraph({
    name: "loss",
    inputs: [],
    outputs: values.map(({ name, dtype, shape }) => ({ name, type: { dtype, shape } })),
    initializers: emit.constants,
    nodes: emit.nodes,
  });
  const results = await run(new Map());
  for (const tensor of results.values())
    for (const value of floatsOf(tensor)) expect(value).toBeCloseTo(0, 12);
});

test.for([
  ["softmax-cross-entropy", [4, 3], [4, 3], {}],
  ["softmax-cross-entropy", [4, 3], [4], { classWeights: [1, 2] }],
  ["mean-squared-error", [4, 3], [4], {}],
  ["kl-divergence", [4], [4], {}],
  ["model-output", [4, 3], [4], {}],
] as const)("%s refuses an output of %j for targets of %j", ([loss, output, target, settings]) => {
  expect(OBJECTIVES[loss].bind({ output, target, settings })).toHaveProperty("why");
});
