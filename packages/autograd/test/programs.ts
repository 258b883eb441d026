/** Feeds for train and evaluation programs, and small models to build them of. */
import { createPrng } from "@pingo/core";
import type { AnyNode, Graph } from "../src/graph/graph.ts";
import type { Tensor } from "../src/graph/tensor.ts";
import type { EvaluationProgram } from "../src/program/evaluation-program.ts";
import type { ProgramOptions } from "../src/program/model-step.ts";
import type { ParameterSpec } from "../src/program/signature.ts";
import type { TrainProgram } from "../src/program/train-program.ts";
import { f32, i64, node } from "./run-graph.ts";

export type Fields = ReadonlyMap<string, Tensor>;

/** What a program carries from call to call, by its names without "/next". */
export type State = ReadonlyMap<string, Tensor>;

export function initialState({ signature, initialWeights }: TrainProgram): State {
  const state = new Map<string, Tensor>();
  for (const [i, { kind, shape, weights, slots }] of slices(signature.parameters, initialWeights).entries()) {
    state.set(kind === "trained" ? `w/${i}` : `s/${i}`, f32(shape, weights));
    for (const slot of slots) state.set(`${slot}/${i}`, f32(shape, new Float32Array(weights.length)));
  }
  return state;
}

export function nextState(results: State): State {
  const next = [...results].filter(([name]) => name.endsWith("/next"));
  return new Map(next.map(([name, tensor]) => [name.slice(0, -"/next".length), tensor]));
}

export function trainFeeds(
  program: TrainProgram,
  fields: Fields,
  batches: readonly (readonly number[])[],
  rates: readonly number[],
  { state = initialState(program), stepsBefore = 0 }: { state?: State; stepsBefore?: number } = {},
): Fields {
  return new Map([
    ...state,
    ...prefixed(fields),
    ["indices", i64([batches.length, program.signature.batchSize], batches.flat())],
    ["learningRate", f32([rates.length], rates)],
    [
      "step",
      f32(
        [rates.length],
        rates.map((_, k) => stepsBefore + k + 1),
      ),
    ],
    ["stop", i64([], [0])],
  ]);
}

export function evaluationFeeds(program: TrainProgram, _: EvaluationProgram, fields: Fields): Fields {
  const weights = [...initialState(program)].filter(
    ([name]) => name.startsWith("w/") || name.startsWith("s/"),
  );
  return new Map([...weights, ...prefixed(fields)]);
}

function prefixed(fields: Fields): [string, Tensor][] {
  return [...fields].map(([name, tensor]) => [`field/${name}`, tensor]);
}

function slices(parameters: readonly ParameterSpec[], flat: Float32Array) {
  let at = 0;
  return parameters.map(({ kind, shape, slots = [] }) => {
    const size = shape.reduce((a, b) => a * b, 1);
    const weights = flat.slice(at, at + size);
    at += size;
    return { kind, shape, weights, slots };
  });
}

const GEMM = { alpha: 1, beta: 1, transA: 0, transB: 1 };

export function random(seed: number, shape: readonly number[], size = 1): Tensor {
  const prng = createPrng(seed);
  const length = shape.reduce((a, b) => a * b, 1);
  return f32(
    shape,
    Array.from({ length }, () => size * (2 * prng.float() - 1)),
  );
}

/** x [batch, inputs] → y [batch, classes] through one hidden layer of tanh; `between` sits before the last layer. */
export function mlp(inputs: number, hidden: number, classes: number, between: Partial<Graph> = {}): Graph {
  const inserted: readonly AnyNode[] = between.nodes ?? [];
  return {
    name: "mlp",
    inputs: [{ name: "x", type: { dtype: "float32", shape: ["batch", inputs] } }],
    outputs: [{ name: "y", type: { dtype: "float32", shape: ["batch", classes] } }],
    initializers: new Map([
      ["a.weight", random(1, [hidden, inputs])],
      ["a.bias", random(2, [hidden])],
      ...(between.initializers ?? []),
      ["b.weight", random(3, [classes, hidden])],
      ["b.bias", random(4, [classes])],
    ]),
    nodes: [
      node("Gemm", ["x", "a.weight", "a.bias"], ["h"], GEMM),
      ...inserted,
      node("Tanh", [inserted.at(-1)?.outputs[0] ?? "h"], ["t"], {}),
      node("Gemm", ["t", "b.weight", "b.bias"], ["y"], GEMM),
    ],
    ...(between.constants === undefined ? {} : { constants: between.constants }),
  };
}

/** To train an `mlp` of four inputs and three classes on the rows of `mlpRows`. */
export const MLP_OPTIONS = {
  fields: [
    { name: "x", dtype: "float32", rowShape: [4] },
    { name: "label", dtype: "uint8", rowShape: [] },
  ],
  target: "label",
  loss: "softmax-cross-entropy",
  optimizer: { adamw: { learningRate: 0.01, weightDecay: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } },
  batchSize: 4,
} as const satisfies ProgramOptions;

export const MLP_ROWS = 8;

/** Freshly made: a trainer takes them. */
export function mlpRows(size = 1): ReadonlyMap<string, Tensor> {
  const data = Uint8Array.of(0, 1, 2, 1, 0, 2, 2, 1);
  return new Map<string, Tensor>([
    ["x", random(7, [MLP_ROWS, 4], size)],
    ["label", { dtype: "uint8", shape: [MLP_ROWS], data }],
  ]);
}

/** To sit before the last layer of an `mlp` of six hidden numbers. */
export const batchNorm = {
  initializers: new Map([
    ["bn.weight", random(11, [6])],
    ["bn.bias", random(12, [6])],
    ["bn.running_mean", random(13, [6])],
    ["bn.running_var", f32([6], [1, 2, 0.5, 1, 1.5, 3])],
  ]),
  nodes: [
    node("BatchNormalization", ["h", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"], ["n"], {
      epsilon: 1e-5,
      momentum: 0.9,
      training_mode: 0,
    }),
  ],
} satisfies Partial<Graph>;

export const dropout = {
  initializers: new Map([["ratio", f32([], [0.5])]]),
  nodes: [node("Dropout", ["h", "ratio"], ["n"], {})],
} satisfies Partial<Graph>;
