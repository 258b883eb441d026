/** Which float32 initializers are parameters, where that is a guess: numbers without an axis, and masks. */
import type { Optimizer } from "@pingo/core";
import { expect, test } from "vitest";
import type { Graph } from "../src/graph/graph.ts";
import type { Tensor } from "../src/graph/tensor.ts";
import type { ProgramOptions } from "../src/program/model-step.ts";
import { buildTrainProgram } from "../src/program/train-program.ts";
import { checkGradients } from "../src/reference/check-gradients.ts";
import { inspectModel } from "../src/reference/inspect.ts";
import { range } from "../src/rules/emitter.ts";
import { MLP_OPTIONS, MLP_ROWS, mlp, mlpRows, nextState, random, trainFeeds } from "./programs.ts";
import { f32, floatsOf, node, openGraph } from "./run-graph.ts";

const OPTIONS: ProgramOptions = {
  ...MLP_OPTIONS,
  optimizer: { adamw: { ...MLP_OPTIONS.optimizer.adamw, learningRate: 0.1 } },
};
const fields = mlpRows();

test("trains weights that hold large numbers, and none of what masks hold", () => {
  const roleOf = (tensor: Tensor, nodes = [node("Add", ["h", "u"], ["h1"], {})]) => {
    const model = mlp(4, 6, 3, { initializers: new Map([["u", tensor]]), nodes });
    const { signature, leftOut } = buildTrainProgram(model, OPTIONS);
    const isTrained = signature.parameters.some(({ name }) => name === "u");
    expect(leftOut).toEqual(isTrained ? [] : [{ name: "u", shape: tensor.shape, why: "mask" }]);
    expect(inspectModel(model).leftOut).toEqual(leftOut);
    return isTrained ? "weight" : "mask";
  };
  expect(roleOf(f32([6], [2e4, 1, 2, 3, 4, 5]))).toBe("weight");
  expect(roleOf(f32([6], [-2e4, 3e4, -5e4, 3, 4, 5]))).toBe("weight");
  const product = [node("MatMul", ["h", "u"], ["h1"], {})];
  expect(roleOf(f32([6, 6], [-2e4, ...new Array<number>(35).fill(0.1)]), product)).toBe("weight");
  expect(roleOf(f32([6], [0, 0, 0, -3.4028234663852886e38, 0, 0]))).toBe("mask");
  expect(roleOf(f32([6], [0, -0.5, -1, -65504, -65504, -1e-3]))).toBe("mask"); // with a slope, as ALiBi has it
  expect(roleOf(f32([6], [0, 1, 2, Number.NEGATIVE_INFINITY, 1e5, 0]))).toBe("mask");
  expect(roleOf(f32([1], [1e9]))).toBe("mask");
});

test.for<Optimizer>([
  { adamw: { learningRate: 0.1, weightDecay: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }, clipNorm: 1 },
  { sgd: { learningRate: 0.1, momentum: 0.9, nesterov: true, weightDecay: 0 } },
  { lion: { learningRate: 0.1, weightDecay: 0, beta1: 0.9, beta2: 0.99 } },
])("trains a number without an axis where it is told to: %o", async (optimizer) => {
  const model = mlp(4, 6, 3, {
    initializers: new Map([["logit_scale", f32([], [0.5])]]),
    nodes: [node("Exp", ["logit_scale"], ["scale"], {}), node("Mul", ["h", "scale"], ["h1"], {})],
  });
  expect(inspectModel(model).leftOut).toEqual([{ name: "logit_scale", shape: [], why: "number" }]);
  const check = await checkGradients(model, { alsoTrain: ["logit_scale"] });
  expect(check).toMatchObject({ passed: true, checked: 5 });
  // The same in a vector of one, which is a parameter by itself.
  const vector: Graph = {
    ...model,
    initializers: new Map([...model.initializers, ["logit_scale", f32([1], [0.5])]]),
  };
  const weightsOf = async (graph: Graph, options: Partial<ProgramOptions>) => {
    const program = buildTrainProgram(graph, { ...OPTIONS, optimizer, ...options });
    const run = await openGraph(program.graph);
    const batches = range(4).map((k) => range(OPTIONS.batchSize).map((i) => (2 * i + k) % MLP_ROWS));
    const state = nextState(await run(trainFeeds(program, fields, batches, [0.1, 0.1, 0.1, 0.1])));
    const at = program.signature.parameters.findIndex(({ name }) => name === "logit_scale");
    return floatsOf(state.get(`w/${at}`));
  };
  const [trained = 0] = await weightsOf(model, { alsoTrain: ["logit_*"] });
  expect(Math.abs(trained - 0.5)).toBeGreaterThan(1e-3);
  expect(trained).toBeCloseTo((await weightsOf(vector, {}))[0] ?? 0, 5);
  expect((await weightsOf(model, { alsoTrain: ["logit_*"], microBatches: 2 }))[0]).toBeCloseTo(trained, 4);
});

test("what is frozen or adapted is no guess, and is not told", () => {
  const model = mlp(4, 6, 3, {
    initializers: new Map([
      ["logit_scale", f32([], [0.5])],
      ["aside", random(8, [3])],
    ]),
    nodes: [node("Exp", ["logit_scale"], ["scale"], {}), node("Mul", ["h", "scale"], ["h1"], {})],
  });
  const toldOf = (options: Partial<ProgramOptions>) =>
    buildTrainProgram(model, { ...OPTIONS, ...options }).leftOut.map(({ name, why }) => `${name}: ${why}`);
  expect(toldOf({})).toEqual(["logit_scale: number", "aside: unreached"]);
  expect(toldOf({ microBatches: 2 })).toEqual(toldOf({}));
  expect(toldOf({ alsoTrain: ["logit_scale"] })).toEqual(["aside: unreached"]);
  expect(toldOf({ alsoTrain: ["logit_scale"], frozen: ["logit_scale"] })).toEqual(["aside: unreached"]);
  expect(toldOf({ adapt: { lora: { rank: 2, alpha: 4, targets: ["*"] } } })).toEqual([]);
});
