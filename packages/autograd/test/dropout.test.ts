/** Dropout in training: each node draws by itself, the ends of its ratio, and a model that reads the mask. */
import { describe, expect, test } from "vitest";
import type { AnyNode, Graph } from "../src/graph/graph.ts";
import type { Tensor } from "../src/graph/tensor.ts";
import type { ProgramOptions } from "../src/program/model-step.ts";
import { buildTrainProgram } from "../src/program/train-program.ts";
import { openTrainer } from "../src/runtime/open-trainer.ts";
import { f32, node } from "./run-graph.ts";

const WIDTH = 2_000;
const ONES = { dtype: "float32", shape: [1, WIDTH], data: new Float32Array(WIDTH).fill(1) } as const;
const OPTIONS: ProgramOptions = {
  fields: [{ name: "x", dtype: "float32", rowShape: [WIDTH] }],
  target: "x",
  loss: "model-output",
  optimizer: { sgd: { learningRate: 1, momentum: 0, nesterov: false, weightDecay: 0 } },
  batchSize: 1,
};

/** Σ of x·a, x·b … , each dropped by a node of its own: a step of rate 1 from zeros makes of each weight −mask. */
function dropped(weights: readonly string[], ratio: Tensor, more: readonly AnyNode[] = []): Graph {
  const each = weights.flatMap((name) => [
    node("Mul", ["x", name], [`${name}/x`], {}),
    node("Dropout", [`${name}/x`, "ratio"], [`${name}/y`, `${name}/mask`], {}),
  ]);
  const sums = weights.map((name) => `${name}/y`);
  return {
    name: "dropped",
    inputs: [{ name: "x", type: { dtype: "float32", shape: ["batch", WIDTH] } }],
    outputs: [{ name: "y", type: { dtype: "float32", shape: [] } }],
    initializers: new Map([
      ...weights.map((name) => [name, f32([WIDTH], new Float32Array(WIDTH))] as const),
      ["ratio", ratio],
    ]),
    nodes: [
      ...each,
      ...more,
      node("Sum", more.length > 0 ? [...sums, "more"] : sums, ["sum"], {}),
      node("ReduceSum", ["sum"], ["y"], { keepdims: 0, noop_with_empty_axes: 0 }),
    ],
  };
}

async function stepped(model: Graph): Promise<Float32Array> {
  const program = buildTrainProgram(model, OPTIONS);
  await using trainer = await openTrainer(program);
  await trainer.setFields(new Map([["x", ONES]]));
  await trainer.reset(program.initialWeights);
  await trainer.run(BigInt64Array.of(0n), Float32Array.of(1));
  return trainer.weights();
}

describe("dropout", () => {
  test("the mask of one node is not that of another, moved by some elements", async () => {
    const weights = await stepped(dropped(["a", "b", "c"], f32([], [0.5])));
    const masks = [0, 1, 2].map((i) =>
      weights.slice(i * WIDTH, (i + 1) * WIDTH).map((w) => (w === 0 ? 0 : 1)),
    );
    const [a, b, c] = masks;
    for (const [one, other] of [
      [a, b],
      [a, c],
      [b, c],
    ] as const) {
      for (let shift = -40; shift <= 40; shift++) {
        const pairs = Array.from({ length: WIDTH - 80 }, (_, i) => one?.[i + 40] === other?.[i + 40 + shift]);
        // Seven standard deviations.
        expect(Math.abs(pairs.filter(Boolean).length / pairs.length - 0.5)).toBeLessThan(0.08);
      }
    }
  });

  test("a ratio of 1 drops everything, and one of 0 nothing", async () => {
    expect(await stepped(dropped(["a"], f32([], [1])))).toEqual(new Float32Array(WIDTH));
    expect(await stepped(dropped(["a"], f32([], [0])))).toEqual(new Float32Array(WIDTH).fill(-1));
  });

  test.each([0, 0.5])("a model may read the mask, with a ratio of %d", async (ratio) => {
    const more = [
      node("Cast", ["a/mask"], ["a/kept"], { to: "float32" }),
      node("Mul", ["a/kept", "a"], ["more"], {}),
    ];
    const weights = await stepped(dropped(["a"], f32([], [ratio]), more));
    const whole = 1 / (1 - ratio) + 1;
    expect(new Set(weights)).toEqual(new Set(ratio === 0 ? [-whole] : [-0, -whole]));
  });

  test("a ratio that is no chance, or not known before the run, is refused with its node", () => {
    const fault = (model: Graph) => () => buildTrainProgram(model, OPTIONS);
    expect(fault(dropped(["a"], f32([], [1.5])))).toThrow(/"Dropout:a\/y".*its ratio is 1.5/);
    const open = dropped(["a"], f32([], [0.5]));
    const computed = node("ReduceMean", ["x"], ["drawn"], { keepdims: 0, noop_with_empty_axes: 0 });
    const nodes = open.nodes.map(
      // SAFETY: the same node with another ratio.
      (one) => (one.op === "Dropout" ? ({ ...one, inputs: ["a/x", "drawn"] } as AnyNode) : one),
    );
    expect(fault({ ...open, nodes: [computed, ...nodes] })).toThrow(/its ratio is not a constant/);
  });
});
