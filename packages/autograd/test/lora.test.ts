import { createPrng, type Lora } from "@pingo/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { adaptModel } from "../src/adapt/lora.ts";
import { trainedModel } from "../src/adapt/trained-model.ts";
import type { Graph, GraphValue } from "../src/graph/graph.ts";
import type { Tensor } from "../src/graph/tensor.ts";
import { readModel } from "../src/onnx/reader.ts";
import { writeModel } from "../src/onnx/writer.ts";
import type { ProgramOptions } from "../src/program/model-step.ts";
import { buildTrainProgram } from "../src/program/train-program.ts";
import { checkGradients } from "../src/reference/check-gradients.ts";
import { evaluate } from "../src/reference/evaluate.ts";
import { referenceOf } from "../src/reference/value.ts";
import {
  initialState,
  MLP_OPTIONS,
  mlp,
  mlpRows,
  nextState,
  random,
  type State,
  trainFeeds,
} from "./programs.ts";
import { floatsOf, i64, node, openGraph } from "./run-graph.ts";

const LORA: Lora = { rank: 3, alpha: 6, targets: ["*"] };

interface Case {
  readonly inputs: readonly GraphValue[];
  readonly weights: readonly (readonly [string, Tensor])[];
  readonly nodes: Graph["nodes"];
  readonly feeds: ReadonlyMap<string, Tensor>;
  /** Of the adapters, by name. */
  readonly shapes: Readonly<Record<string, readonly number[]>>;
}

const value = (name: string, shape: GraphValue["type"]["shape"], dtype: "float32" | "int64" = "float32") => ({
  name,
  type: { dtype, shape },
});
const ROWS = 5;
const GEMM = { alpha: 1, beta: 1, transA: 0, transB: 0 };
const window = (dimensions: number, change: object = {}) => ({
  kernel_shape: new Array<number>(dimensions).fill(3),
  strides: new Array<number>(dimensions).fill(1),
  dilations: new Array<number>(dimensions).fill(1),
  pads: new Array<number>(2 * dimensions).fill(1),
  group: 1,
  ...change,
});
const convolution = (
  [inputs, outputs, spatial]: readonly [number, number, readonly number[]],
  attributes: ReturnType<typeof window>,
): Case => {
  const kernel = [outputs, inputs / attributes.group, ...attributes.kernel_shape];
  return {
    inputs: [value("x", ["batch", inputs, ...spatial])],
    weights: [
      ["conv.weight", random(3, kernel)],
      ["conv.bias", random(4, [outputs])],
    ],
    nodes: [node("Conv", ["x", "conv.weight", "conv.bias"], ["y"], attributes)],
    feeds: new Map([["x", random(5, [ROWS, inputs, ...spatial])]]),
    shapes: {
      "conv.lora_A.weight": [3, ...kernel.slice(1)],
      "conv.lora_B.weight": [outputs, 3, ...attributes.kernel_shape.map(() => 1)],
    },
  };
};
const linear = { "fc.lora_A.weight": [3, 4], "fc.lora_B.weight": [6, 3] };
const x2 = { inputs: [value("x", ["batch", 4])], feeds: new Map([["x", random(5, [ROWS, 4])]]) };

const CASES: Readonly<Record<string, Case>> = {
  "a product of matrices": {
    ...x2,
    weights: [["fc.weight", random(1, [4, 6])]],
    nodes: [node("MatMul", ["x", "fc.weight"], ["y"], {})],
    shapes: linear,
  },
  "a product over sequences": {
    inputs: [value("x", ["batch", 7, 4])],
    feeds: new Map([["x", random(5, [ROWS, 7, 4])]]),
    weights: [["fc.weight", random(1, [4, 6])]],
    nodes: [node("MatMul", ["x", "fc.weight"], ["y"], {})],
    shapes: linear,
  },
  "a weight through Transpose and Identity": {
    ...x2,
    weights: [["fc.weight", random(1, [6, 4])]],
    nodes: [
      node("Identity", ["fc.weight"], ["same"], {}),
      node("Transpose", ["same"], ["turned"], { perm: [1, 0] }),
      node("Cast", ["turned"], ["cast"], { to: "float32" }),
      node("MatMul", ["x", "cast"], ["y"], {}),
    ],
    shapes: linear,
  },
  "Gemm as PyTorch writes it": {
    ...x2,
    weights: [
      ["fc.weight", random(1, [6, 4])],
      ["fc.bias", random(2, [6])],
    ],
    nodes: [node("Gemm", ["x", "fc.weight", "fc.bias"], ["y"], { ...GEMM, transB: 1 })],
    shapes: linear,
  },
  "Gemm with everything turned and scaled": {
    inputs: [value("x", [4, "batch"])],
    feeds: new Map([["x", random(5, [4, ROWS])]]),
    weights: [
      ["fc.weight", random(1, [4, 6])],
      ["fc.bias", random(2, [6])],
    ],
    nodes: [
      node("Gemm", ["x", "fc.weight", "fc.bias"], ["y"], { alpha: 0.5, beta: 2, transA: 1, transB: 0 }),
    ],
    shapes: linear,
  },
  "a convolution along a line": convolution([4, 6, [9]], window(1)),
  "a convolution of images with strides": convolution(
    [4, 6, [8, 7]],
    window(2, { strides: [2, 1], dilations: [1, 2], pads: [0, 1, 1, 2] }),
  ),
  "a convolution of groups": convolution([4, 6, [6, 6]], window(2, { group: 2 })),
  "a convolution of each channel by itself": convolution([4, 4, [6, 6]], window(2, { group: 4 })),
  "a convolution of volumes": convolution([2, 3, [4, 4, 4]], window(3)),
  "an embedding": {
    inputs: [value("x", ["batch", 4], "int64")],
    feeds: new Map([
      [
        "x",
        i64(
          [ROWS, 4],
          Array.from({ length: 4 * ROWS }, (_, i) => (7 * i) % 11),
        ),
      ],
    ]),
    weights: [["embed.weight", random(1, [11, 6])]],
    nodes: [node("Gather", ["embed.weight", "x"], ["y"], { axis: 0 })],
    shapes: { "embed.lora_embedding_A": [3, 11], "embed.lora_embedding_B": [6, 3] },
  },
};

function modelOf({ inputs, weights, nodes }: Case): Graph {
  const graph = { name: "case", inputs, outputs: [value("y", [])], initializers: new Map(weights), nodes };
  // The writer's shapes are the reader's to infer.
  return readModel(writeModel(graph));
}

/** With B moved away from zero. */
function moved(graph: Graph, names: readonly string[], seed = 9): ReadonlyMap<string, Tensor> {
  return new Map(
    [...graph.initializers].map(([name, tensor], i) => [
      name,
      names.includes(name) ? random(seed + i, tensor.shape, 0.5) : tensor,
    ]),
  );
}

const namesOf = ({ adapters }: ReturnType<typeof adaptModel>) => adapters.flatMap(({ a, b }) => [a, b]);
const resultOf = async (graph: Graph, feeds: Case["feeds"]) =>
  (await (await openGraph(graph))(feeds)).get("y");

describe.each(Object.entries(CASES))("an adapter of %s", (_, each) => {
  const model = modelOf(each);
  const adapted = adaptModel(model, LORA, 1);

  test("has the shapes and names that other tools know", () => {
    const shapes = adapted.adapters.flatMap(({ a, b, shapes: [first, second] }) => [
      [a, first],
      [b, second],
    ]);
    expect(Object.fromEntries(shapes)).toEqual(each.shapes);
    for (const [name, shape] of Object.entries(each.shapes))
      expect(adapted.graph.initializers.get(name)?.shape).toEqual(shape);
  });

  test("begins as the model itself, to the last bit", async () => {
    const base = floatsOf(await resultOf(model, each.feeds));
    expect(floatsOf(await resultOf(adapted.graph, each.feeds))).toEqual(base);
  });

  test("merged gives what it gave beside the weight: 1e-6 in float64 and in ONNX Runtime", async () => {
    const trained = moved(adapted.graph, namesOf(adapted));
    const beside = { ...adapted.graph, initializers: trained };
    const flat = Float32Array.from(namesOf(adapted).flatMap((name) => floatsOf(trained.get(name))));
    const parameters = namesOf(adapted).map((name) => ({
      name,
      shape: trained.get(name)?.shape ?? [],
      kind: "trained" as const,
    }));
    const signature = { parameters, fields: [], target: "", batchSize: 1 };
    const { model: merged, adapters } = trainedModel(
      model,
      { signature, adapt: { lora: LORA }, seed: 1 },
      flat,
    );
    expect(merged.nodes.length).toBe(model.nodes.length);
    expect([...merged.initializers.keys()]).toEqual([...model.initializers.keys()]);
    expect([...(adapters ?? [])].map(([name]) => name)).toEqual(
      namesOf(adapted).map((name) => `base_model.model.${name}`),
    );
    const inputs = new Map([...each.feeds].map(([name, tensor]) => [name, referenceOf(tensor)]));
    const exact = (graph: Graph) => Array.from(evaluate(graph, inputs).get("y")?.data ?? [], Number);
    const wanted = exact(beside);
    expect(relativeError(exact(merged), wanted)).toBeLessThan(1e-6);
    expect(relativeError(floatsOf(await resultOf(merged, each.feeds)), wanted)).toBeLessThan(1e-6);
    expect(relativeError(exact(model), wanted)).toBeGreaterThan(1e-2);
  });

  test("has the gradients of float64 differences", async () => {
    const graph = { ...adapted.graph, initializers: moved(adapted.graph, namesOf(adapted)) };
    const check = await checkGradients(graph, { seed: 4 });
    expect(check).toMatchObject({ passed: true });
    expect(check.checked).toBe(each.weights.length + 2);
  });
});

/** Against the largest element: a sum near zero has no digits of its own. */
function relativeError(found: readonly number[], wanted: readonly number[]): number {
  const size = Math.max(...wanted.map(Math.abs));
  expect(found.length).toBe(wanted.length);
  return Math.max(...found.map((value, i) => Math.abs(value - (wanted[i] ?? Number.NaN)))) / size;
}

const FIELDS = mlpRows();
const OPTIONS: ProgramOptions = {
  ...MLP_OPTIONS,
  adapt: { lora: { rank: 2, alpha: 4, targets: ["a.*"] } },
  seed: 3,
};
const BATCHES = [
  [0, 3, 5, 2],
  [7, 1, 1, 4],
  [2, 4, 6, 0],
];
const RATES = [0.01, 0.02, 0.005];

describe("training with adapters", () => {
  test("has no parameters but them, and holds state for nothing else", () => {
    const { signature, initialWeights, graph } = buildTrainProgram(mlp(4, 6, 3), OPTIONS);
    expect(signature.parameters.map(({ name }) => name)).toEqual(["a.lora_A.weight", "a.lora_B.weight"]);
    expect(initialWeights.length).toBe(2 * (4 + 6));
    const borders = readModel(graph).inputs.map(({ name }) => name);
    expect(borders.filter((name) => /^[wsmv]\//.test(name))).toEqual([
      "w/0",
      "m/0",
      "v/0",
      "w/1",
      "m/1",
      "v/1",
    ]);
  });

  test("a weight that is no float32 where it is multiplied takes none", () => {
    const model: Graph = {
      name: "double",
      inputs: [value("x", ["batch", 4])],
      outputs: [value("y", ["batch", 6])],
      initializers: new Map([["fc.weight", random(1, [4, 6])]]),
      nodes: [
        node("Cast", ["x"], ["x64"], { to: "float64" }),
        node("Cast", ["fc.weight"], ["w64"], { to: "float64" }),
        node("MatMul", ["x64", "w64"], ["y64"], {}),
        node("Cast", ["y64"], ["y"], { to: "float32" }),
      ],
    };
    const lora = { rank: 2, alpha: 4, targets: ["fc.weight"] };
    expect(() => adaptModel(model, lora, 1)).toThrow(/matches no weight that takes an adapter/);
  });

  test("draws the same start from the same seed, and another from another", () => {
    const start = (seed: number) => buildTrainProgram(mlp(4, 6, 3), { ...OPTIONS, seed }).initialWeights;
    expect(start(3)).toEqual(start(3));
    expect(start(3)).not.toEqual(start(4));
  });

  test.for([1, 2])(
    "in %i passes: K steps in one call equal K calls of one step, to the last bit",
    async (microBatches) => {
      const program = buildTrainProgram(mlp(4, 6, 3), { ...OPTIONS, microBatches });
      const run = await openGraph(program.graph);
      const whole = await run(trainFeeds(program, FIELDS, BATCHES, RATES));
      let state: State = initialState(program);
      for (const [k, batch] of BATCHES.entries()) {
        const feed = { state, stepsBefore: k };
        state = nextState(await run(trainFeeds(program, FIELDS, [batch], RATES.slice(k, k + 1), feed)));
      }
      expect(state).toEqual(nextState(whole));
    },
  );

  test("the first loss is the model's own, and it falls while the model's weights stay", async () => {
    const model = mlp(4, 6, 3);
    const program = buildTrainProgram(model, OPTIONS);
    const { adapt: _, ...whole } = OPTIONS;
    const plain = buildTrainProgram(model, whole);
    const steps = 60;
    const everything = Array.from({ length: steps }, () => [0, 1, 2, 3]);
    const rates = new Array<number>(steps).fill(0.05);
    const results = await (await openGraph(program.graph))(trainFeeds(program, FIELDS, everything, rates));
    const first = await (await openGraph(plain.graph))(trainFeeds(plain, FIELDS, [[0, 1, 2, 3]], [0]));
    const losses = floatsOf(results.get("loss"));
    expect(losses[0]).toBe(floatsOf(first.get("loss"))[0]);
    expect(losses.at(-1)).toBeLessThan((losses[0] ?? 0) / 2);
    const weights = Float32Array.from([0, 1].flatMap((i) => floatsOf(results.get(`w/${i}/next`))));
    const { signature } = program;
    const trained = trainedModel(model, { ...OPTIONS, signature }, weights);
    const changed = [...model.initializers].flatMap(([name, tensor]) =>
      floatsOf(trained.model.initializers.get(name)).join() === floatsOf(tensor).join() ? [] : [name],
    );
    expect(changed).toEqual(["a.weight"]);
  });

  test("adapters of another rank, or of another model, are not merged", () => {
    const model = mlp(4, 6, 3);
    const { signature, initialWeights } = buildTrainProgram(model, OPTIONS);
    const adapt = { lora: { rank: 3, alpha: 4, targets: ["a.*"] } };
    const merging = (change: object, graph = model) =>
      trainedModel(graph, { ...OPTIONS, signature, ...change }, initialWeights);
    expect(() => merging({ adapt })).toThrow(
      'the parameter "a.lora_A.weight" was trained as [2,4], and the model has it as [3,4]',
    );
    expect(() => merging({ adapt: { lora: { ...adapt.lora, rank: 2, targets: ["b.*"] } } })).toThrow(
      'the parameter "a.lora_A.weight" was trained as [2,4], and the model has none of that name',
    );
    expect(() => merging({}, mlp(4, 7, 3))).toThrow(/"a.lora_B.weight" was trained as \[6,2\]/);
    expect(() => merging({})).not.toThrow();
  });

  test("the vector grows with the rank alone", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 16 }), fc.integer({ min: 1, max: 20 }), (rank, hidden) => {
        const options = { ...OPTIONS, adapt: { lora: { rank, alpha: 1, targets: ["*"] } } };
        const { initialWeights } = buildTrainProgram(mlp(4, hidden, 3), options);
        expect(initialWeights.length).toBe(rank * (4 + hidden + hidden + 3));
      }),
      { numRuns: 10 },
    );
  });
});

test("a weight that two nodes read keeps its value for the one that has no adapter", async () => {
  const prng = createPrng(2);
  const table = random(1, [5, 4]);
  const model: Graph = readModel(
    writeModel({
      name: "tied",
      inputs: [value("ids", ["batch", 3], "int64")],
      outputs: [value("y", [])],
      initializers: new Map([["wte.weight", table]]),
      nodes: [
        node("Gather", ["wte.weight", "ids"], ["h"], { axis: 0 }),
        node("Transpose", ["wte.weight"], ["head"], { perm: [1, 0] }),
        node("MatMul", ["h", "head"], ["y"], {}),
      ],
    }),
  );
  const lora = { rank: 2, alpha: 2, targets: ["MatMul*"] };
  const adapted = adaptModel(model, lora, 1);
  const names = namesOf(adapted);
  expect(names).toEqual(["MatMul:y.lora_A.weight", "MatMul:y.lora_B.weight"]);
  const trained = moved(adapted.graph, names);
  const parameters = names.map((name) => ({
    name,
    shape: trained.get(name)?.shape ?? [],
    kind: "trained" as const,
  }));
  const flat = Float32Array.from(names.flatMap((name) => floatsOf(trained.get(name))));
  const signature = { parameters, fields: [], target: "", batchSize: 1 };
  const { model: merged } = trainedModel(model, { signature, adapt: { lora }, seed: 1 }, flat);
  expect(merged.initializers.get("wte.weight")).toEqual(table);
  // A model that was merged before has a weight of the name that the merged one is given.
  const before = { ...model, initializers: new Map([...model.initializers, ["MatMul:y.merged", table]]) };
  const again = trainedModel(before, { signature, adapt: { lora }, seed: 1 }, flat).model;
  expect(again.initializers.get("MatMul:y.merged")).toEqual(table);
  expect(again.initializers.get("MatMul:y.merged.again")).toEqual(merged.initializers.get("MatMul:y.merged"));
  const feeds = new Map([
    [
      "ids",
      i64(
        [2, 3],
        Array.from({ length: 6 }, () => Math.floor(5 * prng.float())),
      ),
    ],
  ]);
  const beside = floatsOf(await resultOf({ ...adapted.graph, initializers: trained }, feeds));
  expect(relativeError(floatsOf(await resultOf(merged, feeds)), beside)).toBeLessThan(1e-6);
});

test("nodes are found by their names as paths, and what takes no adapter is named to whoever asks for it", () => {
  const model = CASES["Gemm as PyTorch writes it"] && modelOf(CASES["Gemm as PyTorch writes it"]);
  if (!model) throw new Error("a case");
  const nodes = model.nodes.map((each) => ({ ...each, name: "/layers.0/attn/q/Gemm" }));
  const initializers = new Map(
    [...model.initializers].map(([name, t]) => [name === "fc.weight" ? "onnx::Gemm_7" : name, t]),
  );
  const renamed = nodes.map((each) => ({
    ...each,
    inputs: each.inputs.map((name) => (name === "fc.weight" ? "onnx::Gemm_7" : name)),
  }));
  // SAFETY: the same node under other names.
  const exported = { ...model, initializers, nodes: renamed as unknown as Graph["nodes"] };
  expect(namesOf(adaptModel(exported, { ...LORA, targets: ["*.attn.*"] }, 1))[0]).toBe(
    "layers.0.attn.q.lora_A.weight",
  );
  expect(() => adaptModel(model, { ...LORA, targets: ["fc.*", "*.attn.*"] }, 1)).toThrow(
    'adapt.lora.targets: the pattern "*.attn.*" matches no weight that takes an adapter; the nearest names are',
  );
  expect(() => adaptModel(model, { ...LORA, targets: ["*.bias"] }, 1)).toThrow(/"fc.weight"/);
});
