import type { Optimizer } from "@pingo/core";
import { describe, expect, test } from "vitest";
import type { Graph } from "../src/graph/graph.ts";
import type { Tensor } from "../src/graph/tensor.ts";
import { readModel } from "../src/onnx/reader.ts";
import { writeModel } from "../src/onnx/writer.ts";
import { buildEvaluationProgram } from "../src/program/evaluation-program.ts";
import type { ProgramOptions } from "../src/program/model-step.ts";
import { buildTrainProgram } from "../src/program/train-program.ts";
import { withWeights } from "../src/program/weights.ts";
import {
  batchNorm,
  dropout,
  evaluationFeeds,
  initialState,
  MLP_OPTIONS,
  MLP_ROWS,
  mlp,
  mlpRows,
  nextState,
  random,
  type State,
  trainFeeds,
} from "./programs.ts";
import { f32, floatsOf, i64, node, openGraph } from "./run-graph.ts";

const ADAMW = MLP_OPTIONS.optimizer.adamw;
const OPTIONS: ProgramOptions = { ...MLP_OPTIONS, batchSize: 3 };

const RATES = [
  { pattern: "a.*", factor: 0.5 },
  { pattern: "*.bias", factor: 2 },
];
const ROWS = MLP_ROWS;
const fields = mlpRows();
const batches = [
  [0, 3, 5],
  [7, 1, 1],
  [2, 4, 6],
  [5, 0, 2],
];
const rates = [0.01, 0.02, 0.005, 0.01];

/** The hidden numbers times a weight of 36 elements, whatever its shape. */
function oneTap(shape: readonly number[]): Partial<Graph> {
  return {
    initializers: new Map<string, Tensor>([
      ["tap.weight", random(21, shape)],
      ["tap.shape", i64([2], [6, 6])],
    ]),
    constants: new Set(["tap.shape"]),
    nodes: [
      node("Reshape", ["tap.weight", "tap.shape"], ["tap.matrix"], { allowzero: 0 }),
      node("MatMul", ["h", "tap.matrix"], ["tapped"], {}),
    ],
  };
}

describe("a train program", () => {
  test.for<readonly [string, Partial<Graph>, Partial<ProgramOptions>]>([
    ["a plain model", {}, {}],
    ["batch norm", batchNorm, {}],
    ["dropout", dropout, {}],
    ["a kernel of one tap", oneTap([6, 6, 1, 1]), {}],
    ["frozen weights", {}, { frozen: ["a.*"] }],
    ["a batch norm that goes by frozen statistics", batchNorm, { frozen: ["bn.running_*"] }],
    [
      "rates and decay of their own",
      {},
      { optimizer: { adamw: ADAMW, decay: { only: ["*.bias"] }, rates: RATES } },
    ],
    ["clipped gradients", {}, { optimizer: { adamw: ADAMW, clipNorm: 0.1 } }],
    ["a moving average", batchNorm, { ema: { decay: 0.9 } }],
    ["adapters", {}, { adapt: { lora: { rank: 2, alpha: 4, targets: ["*"] } } }],
    [
      "all of it at once",
      batchNorm,
      {
        frozen: ["a.*", "bn.running_*"],
        ema: { decay: 0.5 },
        batchSize: 3,
        microBatches: 3,
        optimizer: {
          adamw: ADAMW,
          clipNorm: 0.1,
          decay: { exclude: ["b.*"] },
          rates: [{ pattern: "b.*", factor: 3 }],
        },
        lossSettings: { classWeights: [1, 2, 3], ignoreIndex: 1 },
      },
    ],
  ])("of %s: K steps in one call equal K calls of one step, to the last bit", async ([, between, change]) => {
    const program = buildTrainProgram(mlp(4, 6, 3, between), { ...OPTIONS, ...change });
    const run = await openGraph(program.graph);
    const whole = await run(trainFeeds(program, fields, batches, rates));
    let state: State = initialState(program);
    const losses: number[] = [];
    for (const [k, batch] of batches.entries()) {
      const results = await run(
        trainFeeds(program, fields, [batch], rates.slice(k, k + 1), { state, stepsBefore: k }),
      );
      losses.push(...floatsOf(results.get("loss")));
      state = nextState(results);
    }
    expect(losses).toEqual(floatsOf(whole.get("loss")));
    for (const [name, tensor] of nextState(whole))
      expect(floatsOf(state.get(name)), name).toEqual(floatsOf(tensor));
  });

  // Rules write squares out; that must not outlive the exponent's first value.
  test.for([1, 2, 3])(
    "of a trained exponent that starts at %d: each step goes by the weights before it",
    async (start) => {
      const powered = (exponent: number): Partial<Graph> => ({
        initializers: new Map([["exponent", f32([1], [exponent])]]),
        nodes: [node("Exp", ["h"], ["e"], {}), node("Pow", ["e", "exponent"], ["p"], {})],
      });
      const options: ProgramOptions = {
        ...OPTIONS,
        optimizer: { sgd: { learningRate: 1, momentum: 0, nesterov: false, weightDecay: 0 } },
      };
      const program = buildTrainProgram(mlp(4, 6, 3, powered(start)), options);
      const run = await openGraph(program.graph);
      const exponentAt = program.signature.parameters.findIndex(({ name }) => name === "exponent");
      const first = nextState(await run(trainFeeds(program, fields, batches.slice(0, 1), [0.5])));
      const [moved = start] = floatsOf(first.get(`w/${exponentAt}`));
      expect(moved).not.toBe(start);
      const other = buildTrainProgram(mlp(4, 6, 3, powered(moved)), options);
      const feed = { state: first, stepsBefore: 1 };
      const second = await run(trainFeeds(program, fields, batches.slice(1, 2), [0.5], feed));
      const fresh = await (await openGraph(other.graph))(
        trainFeeds(other, fields, batches.slice(1, 2), [0.5], feed),
      );
      for (const [name, tensor] of fresh) expect(floatsOf(second.get(name)), name).toEqual(floatsOf(tensor));
    },
  );

  test.for<readonly [string, Optimizer]>([
    ["AdamW", { adamw: ADAMW }],
    ["Muon", { muon: { ...ADAMW, momentum: 0.9 } }],
  ])("by %s steps a kernel of one tap to the bits of the matrix that it is", async ([, optimizer]) => {
    const shapes = [
      [6, 6, 1, 1],
      [6, 6],
    ];
    const [asKernel = [], asMatrix = []] = await Promise.all(
      shapes.map(async (shape) => {
        const program = buildTrainProgram(mlp(4, 6, 3, oneTap(shape)), { ...OPTIONS, optimizer });
        const results = await (await openGraph(program.graph))(trainFeeds(program, fields, batches, rates));
        expect(results.get("w/2/next")?.shape).toEqual(shape);
        return [...results.values()].map((tensor) => floatsOf(tensor));
      }),
    );
    expect(asKernel).toEqual(asMatrix);
  });

  test("gives the same bits twice", async () => {
    const results = await Promise.all(
      [0, 1].map(async () => {
        const program = buildTrainProgram(mlp(4, 6, 3, batchNorm), OPTIONS);
        return (await openGraph(program.graph))(trainFeeds(program, fields, batches, rates));
      }),
    );
    expect(results[0]).toEqual(results[1]);
  });

  test("updates as AdamW does, with weight decay on matrices only", async () => {
    const program = buildTrainProgram(mlp(4, 6, 3), OPTIONS);
    const run = await openGraph(program.graph);
    const { parameters } = program.signature;
    const gradientProgram = buildTrainProgram(mlp(4, 6, 3), {
      ...OPTIONS,
      optimizer: { adamw: { ...ADAMW, beta1: 0 } },
    });
    const gradientRun = await openGraph(gradientProgram.graph);
    let state = initialState(program);
    const moments = parameters.map(() => ({ m: 0 as number | number[], v: 0 as number | number[] }));
    for (const [k, batch] of batches.entries()) {
      const feed = { state, stepsBefore: k };
      // With β₁ = 0 the first moment is the gradient.
      const probe = await gradientRun(trainFeeds(gradientProgram, fields, [batch], [0], feed));
      const results = await run(trainFeeds(program, fields, [batch], rates.slice(k, k + 1), feed));
      parameters.forEach(({ name, shape }, i) => {
        const expected = referenceAdamW(
          {
            w: floatsOf(state.get(`w/${i}`)),
            g: floatsOf(probe.get(`m/${i}/next`)),
            moments: moments[i] ?? { m: 0, v: 0 },
          },
          { t: k + 1, rate: rates[k] ?? 0, decay: shape.length >= 2 ? ADAMW.weightDecay : 0 },
        );
        floatsOf(results.get(`w/${i}/next`)).forEach((w, j) => {
          expect(Math.abs(w - (expected[j] ?? 0)), `${name}[${j}]`).toBeLessThan(
            1e-5 * Math.max(1, Math.abs(w)),
          );
        });
      });
      state = nextState(results);
    }
  });

  test("keeps running statistics as PyTorch does: momentum on the old, the unbiased variance", async () => {
    const program = buildTrainProgram(mlp(4, 6, 3, batchNorm), OPTIONS);
    const results = await (await openGraph(program.graph))(trainFeeds(program, fields, [[0, 3, 5]], [0]));
    const model = mlp(4, 6, 3);
    const h = await hiddenOf({
      ...model,
      outputs: [{ name: "h", type: { dtype: "float32", shape: ["batch", 6] } }],
    });
    const { parameters } = program.signature;
    const found = (name: string) =>
      floatsOf(results.get(`s/${parameters.findIndex((parameter) => parameter.name === name)}/next`));
    for (let c = 0; c < 6; c++) {
      const values = [0, 3, 5].map((row) => h[row * 6 + c] ?? 0);
      const mean = values.reduce((a, b) => a + b) / 3;
      const unbiased = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 2;
      const initial = (name: string) => floatsOf(batchNorm.initializers.get(name))[c] ?? 0;
      expect(found("bn.running_mean")[c]).toBeCloseTo(0.9 * initial("bn.running_mean") + 0.1 * mean, 5);
      expect(found("bn.running_var")[c]).toBeCloseTo(0.9 * initial("bn.running_var") + 0.1 * unbiased, 5);
    }
  });

  test("does not depend on the mode that batch norm was exported in", () => {
    const [bn] = batchNorm.nodes;
    if (bn?.op !== "BatchNormalization") throw new Error("a batch norm");
    const training = {
      ...bn,
      outputs: ["n", "rm", "rv"],
      attributes: { ...bn.attributes, training_mode: 1 },
    };
    const exported = mlp(4, 6, 3, { ...batchNorm, nodes: [{ ...training, name: bn.name }] });
    expect(buildTrainProgram(exported, OPTIONS).graph).toEqual(
      buildTrainProgram(mlp(4, 6, 3, batchNorm), OPTIONS).graph,
    );
  });

  test("dropout keeps about its share, and other elements in another step or for other rows", async () => {
    const wide = mlp(4, 4_000, 3, dropout);
    const model: Graph = {
      ...wide,
      initializers: new Map([
        ...wide.initializers,
        ["b.weight", f32([3, 4_000], new Float32Array(12_000).fill(0))],
      ]),
    };
    const program = buildTrainProgram(model, {
      ...OPTIONS,
      batchSize: 1,
      optimizer: { adamw: { ...ADAMW, beta1: 0 } },
    });
    const run = await openGraph(program.graph);
    // The gradient of the last weights is tanh of the dropped values: zero exactly where they were dropped.
    const kept = async (row: number, stepsBefore: number) => {
      const results = await run(trainFeeds(program, fields, [[row]], [0], { stepsBefore }));
      const at = program.signature.parameters.findIndex(({ name }) => name === "b.weight");
      return floatsOf(results.get(`m/${at}/next`))
        .slice(0, 4_000)
        .map((g) => g !== 0);
    };
    const masks = [await kept(0, 0), await kept(0, 1), await kept(1, 0)];
    for (const mask of masks) {
      const share = mask.filter(Boolean).length / 4_000;
      expect(Math.abs(share - 0.5)).toBeLessThan(0.04); // five standard deviations
    }
    const [first = [], ...others] = masks;
    for (const other of others) {
      const agreement = first.filter((keep, i) => keep === other[i]).length / 4_000;
      expect(Math.abs(agreement - 0.5)).toBeLessThan(0.04);
    }
  });

  test("learns exclusive or to 100 %", async () => {
    const corners = {
      dtype: "float32",
      shape: [4, 2],
      data: Float32Array.of(0, 0, 0, 1, 1, 0, 1, 1),
    } as const;
    const data = new Map([
      ["x", corners],
      ["label", i64([4], [0, 1, 1, 0])],
    ]);
    const options: ProgramOptions = {
      ...OPTIONS,
      fields: [
        { name: "x", dtype: "float32", rowShape: [2] },
        { name: "label", dtype: "int64", rowShape: [] },
      ],
      batchSize: 4,
    };
    const model = mlp(2, 16, 2);
    const program = buildTrainProgram(model, options);
    const steps = 200;
    const results = await (await openGraph(program.graph))(
      trainFeeds(
        program,
        data,
        Array.from({ length: steps }, () => [0, 1, 2, 3]),
        new Array<number>(steps).fill(0.05),
      ),
    );
    const weights = program.signature.parameters.flatMap((_, i) => floatsOf(results.get(`w/${i}/next`)));
    const trained = { ...program, initialWeights: Float32Array.from(weights) };
    const evaluation = buildEvaluationProgram(model, options);
    const sums = await (await openGraph(evaluation.graph))(evaluationFeeds(trained, evaluation, data));
    expect(floatsOf(sums.get("correct"))).toEqual([4]);

    const used = withWeights(model, program.signature, trained.initialWeights);
    const y = floatsOf((await (await openGraph(writeModel(used)))(new Map([["x", corners]]))).get("y"));
    expect([0, 1, 2, 3].map((row) => Number((y[2 * row + 1] ?? 0) > (y[2 * row] ?? 0)))).toEqual([
      0, 1, 1, 0,
    ]);
  });

  test("leaves frozen parameters out of the signature, the state and the gradient", async () => {
    const frozen = buildTrainProgram(mlp(4, 6, 3), { ...OPTIONS, frozen: ["a.*"] });
    const whole = buildTrainProgram(mlp(4, 6, 3), OPTIONS);
    expect(frozen.signature.parameters.map(({ name }) => name)).toEqual(["b.weight", "b.bias"]);
    expect(frozen.initialWeights.length).toBe(3 * 6 + 3);
    const borders = readModel(frozen.graph).inputs.map(({ name }) => name);
    expect(borders.filter((name) => /^[wmv]\//.test(name))).toEqual([
      "w/0",
      "m/0",
      "v/0",
      "w/1",
      "m/1",
      "v/1",
    ]);
    // One product less: nothing asks for the first layer's gradient.
    const products = ({ graph }: { readonly graph: Uint8Array }) =>
      bodyOf(readModel(graph)).nodes.filter(({ op }) => op === "Gemm" || op === "MatMul").length;
    expect(products(whole) - products(frozen)).toBe(2);
    const [first, all] = await Promise.all(
      [frozen, whole].map(async (program) => {
        const feeds = trainFeeds(program, fields, batches.slice(0, 1), [0.01]);
        return (await openGraph(program.graph))(feeds);
      }),
    );
    expect(first?.get("loss")).toEqual(all?.get("loss"));
    expect(first?.get("w/0/next")).toEqual(all?.get("w/2/next"));
    expect(first?.get("w/1/next")).toEqual(all?.get("w/3/next"));
  });

  test("lets a batch norm whose statistics are frozen go by them", async () => {
    const model = mlp(4, 6, 3, batchNorm);
    const program = buildTrainProgram(model, { ...OPTIONS, frozen: ["bn.running_*"] });
    expect(program.signature.parameters.filter(({ kind }) => kind === "statistic")).toEqual([]);
    const batch = batches[0] ?? [];
    const results = await (await openGraph(program.graph))(trainFeeds(program, fields, [batch], [0]));
    // The loss of the step is that of the model as it is used, on these rows.
    const y = floatsOf((await (await openGraph(writeModel(model)))(fields)).get("y"));
    const losses = batch.map((row) => {
      const z = y.slice(3 * row, 3 * row + 3);
      return (
        Math.log(z.reduce((sum, value) => sum + Math.exp(value), 0)) -
        (z[Number(fields.get("label")?.data[row])] ?? 0)
      );
    });
    expect(floatsOf(results.get("loss"))[0]).toBeCloseTo(losses.reduce((a, b) => a + b, 0) / 3, 5);
  });

  test("takes the loss of the output that is named, and leaves out what only others need", () => {
    const model = mlp(4, 6, 3);
    const outputs = [
      { name: "h", type: { dtype: "float32", shape: ["batch", 6] } } as const,
      ...model.outputs,
    ];
    const named = buildTrainProgram({ ...model, outputs }, { ...OPTIONS, output: "y" });
    expect(named.graph).toEqual(buildTrainProgram(model, OPTIONS).graph);
    const { signature } = buildTrainProgram(
      { ...model, outputs: outputs.toReversed() },
      { ...OPTIONS, output: "h" },
    );
    expect(signature.parameters.map(({ name }) => name)).toEqual(["a.weight", "a.bias"]);
  });

  test("trains neither masks nor scalars nor constants", () => {
    const model = mlp(4, 6, 3, {
      initializers: new Map([
        ["mask", f32([6], [0, 0, 0, -1e9, 0, 0])],
        ["ones", f32([6], [1, 1, 1, 1, 1, 1])],
        ["half", f32([], [0.5])],
      ]),
      constants: new Set(["ones"]),
      nodes: [
        node("Add", ["h", "mask"], ["h1"], {}),
        node("Mul", ["h1", "ones"], ["h2"], {}),
        node("Mul", ["h2", "half"], ["h3"], {}),
      ],
    });
    const { signature } = buildTrainProgram(model, OPTIONS);
    expect(signature.parameters.map(({ name }) => name)).toEqual([
      "a.weight",
      "a.bias",
      "b.weight",
      "b.bias",
    ]);
  });

  test("computes what no step changes once, outside the steps", () => {
    const model = mlp(4, 6, 3, {
      initializers: new Map([["scales", f32([6], [1, 4, 9, 16, 25, 36])]]),
      nodes: [node("Sqrt", ["scales"], ["roots"], {}), node("Div", ["h", "roots"], ["h1"], {})],
    });
    const program = readModel(buildTrainProgram(model, { ...OPTIONS, frozen: ["scales"] }).graph);
    const isBorder = (op: string) => op === "Concat" || op === "Split";
    const made = program.nodes.map(({ op }) => op).filter((op) => !isBorder(op));
    expect(made).toEqual(["Sqrt", "Expand", "Scan"]);
  });
});

describe("an evaluation program", () => {
  test.for([1, 3, 7, 8])("counts every row once, in batches of %i", async (batchSize) => {
    const model = mlp(4, 6, 3, batchNorm);
    const train = buildTrainProgram(model, OPTIONS);
    const evaluation = buildEvaluationProgram(model, { ...OPTIONS, batchSize });
    const sums = await (await openGraph(evaluation.graph))(evaluationFeeds(train, evaluation, fields));
    const used = await openGraph(writeModel(withWeights(model, train.signature, train.initialWeights)));
    const logits = floatsOf((await used(fields)).get("y"));
    const expected = { loss: 0, correct: 0 };
    Array.from(fields.get("label")?.data ?? [], Number).forEach((label, row) => {
      const z = logits.slice(3 * row, 3 * row + 3);
      expected.loss += Math.log(z.reduce((sum, value) => sum + Math.exp(value), 0)) - (z[label] ?? 0);
      expected.correct += z[label] === Math.max(...z) ? 1 : 0;
    });
    expect(floatsOf(sums.get("lossSum"))[0]).toBeCloseTo(expected.loss, 4);
    expect(floatsOf(sums.get("correct"))).toEqual([expected.correct]);
    expect(floatsOf(sums.get("count"))).toEqual([ROWS]);
  });
});

describe("a program for numbers in place of classes", () => {
  const targets = random(8, [ROWS, 3]);
  const regression: ProgramOptions = {
    ...OPTIONS,
    fields: [
      { name: "x", dtype: "float32", rowShape: [4] },
      { name: "wanted", dtype: "float32", rowShape: [3] },
    ],
    target: "wanted",
    loss: "mean-squared-error",
  };
  const data = new Map([
    ["x", random(7, [ROWS, 4])],
    ["wanted", targets],
  ]);

  test("evaluates the loss over all elements, and counts nothing as right", async () => {
    const model = mlp(4, 6, 3);
    const train = buildTrainProgram(model, regression);
    const evaluation = buildEvaluationProgram(model, regression);
    const sums = await (await openGraph(evaluation.graph))(evaluationFeeds(train, evaluation, data));
    const y = floatsOf((await (await openGraph(writeModel(model)))(data)).get("y"));
    const expected = floatsOf(targets).reduce((sum, t, i) => sum + ((y[i] ?? 0) - t) ** 2, 0);
    expect([...sums.keys()].sort()).toEqual(["count", "lossSum"]);
    expect(floatsOf(sums.get("lossSum"))[0]).toBeCloseTo(expected, 4);
    expect(floatsOf(sums.get("count"))).toEqual([3 * ROWS]);
  });

  test("lowers the loss", async () => {
    const program = buildTrainProgram(mlp(4, 6, 3), regression);
    const steps = new Array<number[]>(60).fill([0, 3, 5]);
    const feeds = trainFeeds(program, data, steps, new Array<number>(60).fill(0.03));
    const losses = floatsOf((await (await openGraph(program.graph))(feeds)).get("loss"));
    expect(losses.at(-1)).toBeLessThan((losses[0] ?? 0) / 10);
  });
});

const WANTED = [
  { name: "x", dtype: "float32", rowShape: [4] },
  { name: "wanted", dtype: "float32", rowShape: [3] },
] as const;

test.for([
  ["Softmax", node("Softmax", ["y"], ["p"], { axis: -1 }), {}],
  ["Softmax", node("Softmax", ["y"], ["p"], { axis: 1 }), { recompute: 2, microBatches: 3 }],
  [
    "Sigmoid",
    node("Sigmoid", ["y"], ["p"], {}),
    { fields: WANTED, target: "wanted", loss: "binary-cross-entropy" },
  ],
] as const)(
  "a model that ends in the %s that the loss applies is trained as one without it",
  async ([, last, change]) => {
    const model = mlp(4, 6, 3);
    const outputs = model.outputs.map((output) => ({ ...output, name: "p" }));
    const ended = { ...model, nodes: [...model.nodes, last], outputs };
    const data = new Map([...fields, ["wanted", random(8, [ROWS, 3])]]);
    const both = [model, ended].map(async (each) => {
      const program = buildTrainProgram(each, { ...OPTIONS, ...change });
      return (await openGraph(program.graph))(trainFeeds(program, data, batches, rates));
    });
    const [plain, through] = await Promise.all(both);
    expect(through).toEqual(plain);
  },
);

test("what a model asks of a weight is asked anew in every step", async () => {
  // The weight crosses zero in the first step, and the mask with it.
  const gate = {
    initializers: new Map([["gate", f32([6], [0.004, -0.004, 0.004, -0.004, 0.5, -0.5])]]),
    constants: new Set(["zero"]),
    nodes: [
      node("Mul", ["h", "gate"], ["weighed"], {}),
      node("Greater", ["gate", "zero"], ["isOpen"], {}),
      node("Cast", ["isOpen"], ["mask"], { to: "float32" }),
      node("Mul", ["h", "mask"], ["open"], {}),
      node("Add", ["weighed", "open"], ["gated"], {}),
    ],
  };
  const model = mlp(4, 6, 3, {
    ...gate,
    initializers: new Map([...gate.initializers, ["zero", f32([], [0])]]),
  });
  const program = buildTrainProgram(model, OPTIONS);
  const run = await openGraph(program.graph);
  const both = await run(trainFeeds(program, fields, batches.slice(0, 2), [0.01, 0.01]));
  const first = await run(trainFeeds(program, fields, batches.slice(0, 1), [0.01]));
  const trained = program.signature.parameters.flatMap((_, i) => floatsOf(first.get(`w/${i}/next`)));
  const after = buildTrainProgram(withWeights(model, program.signature, Float32Array.from(trained)), OPTIONS);
  const second = await (await openGraph(after.graph))(trainFeeds(after, fields, batches.slice(1, 2), [0.01]));
  expect(floatsOf(both.get("loss"))[1]).toBe(floatsOf(second.get("loss"))[0]);
});

test("an evaluation with class weights and an ignored label says what its sum is divided by", async () => {
  const model = mlp(4, 6, 3);
  const options = { ...OPTIONS, lossSettings: { classWeights: [1, 2, 0.5], ignoreIndex: 0 } };
  const evaluation = buildEvaluationProgram(model, options);
  const train = buildTrainProgram(model, options);
  const sums = await (await openGraph(evaluation.graph))(evaluationFeeds(train, evaluation, fields));
  // Labels 0, 1, 2, 1, 0, 2, 2, 1: three of class 1, three of class 2.
  expect(floatsOf(sums.get("weightSum"))[0]).toBeCloseTo(3 * 2 + 3 * 0.5, 6);
  expect(floatsOf(sums.get("count"))).toEqual([6]);
});

function bodyOf(program: Graph): Graph {
  const scan = program.nodes.find(({ op }) => op === "Scan");
  if (scan?.op !== "Scan") throw new Error("a train program is a Scan");
  return scan.attributes.body;
}

async function hiddenOf(model: Graph): Promise<number[]> {
  return floatsOf(
    (await (await openGraph(writeModel({ ...model, nodes: model.nodes.slice(0, 1) })))(fields)).get("h"),
  );
}

interface Moments {
  m: number | number[];
  v: number | number[];
}

/** SOURCE: Loshchilov & Hutter, algorithm 2, in float64. */
function referenceAdamW(
  { w, g, moments }: { w: readonly number[]; g: readonly number[]; moments: Moments },
  { t, rate, decay }: { t: number; rate: number; decay: number },
): number[] {
  const { beta1, beta2, epsilon } = ADAMW;
  const before = (moment: number | number[], i: number) =>
    Array.isArray(moment) ? (moment[i] ?? 0) : moment;
  const m = g.map((gradient, i) => beta1 * before(moments.m, i) + (1 - beta1) * gradient);
  const v = g.map((gradient, i) => beta2 * before(moments.v, i) + (1 - beta2) * gradient ** 2);
  Object.assign(moments, { m, v });
  return w.map((weight, i) => {
    const direction = (m[i] ?? 0) / (1 - beta1 ** t) / (Math.sqrt((v[i] ?? 0) / (1 - beta2 ** t)) + epsilon);
    return weight - rate * (direction + decay * weight);
  });
}
