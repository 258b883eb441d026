import { describe, expect, test } from "vitest";
import { MLP_OPTIONS, mlp, random } from "../../test/programs.ts";
import { f32, i64, node } from "../../test/run-graph.ts";
import type { Graph } from "../graph/graph.ts";
import { buildEvaluationProgram } from "./evaluation-program.ts";
import { ProgramError, type ProgramFault } from "./fault.ts";
import type { ProgramOptions } from "./model-step.ts";
import { buildTrainProgram } from "./train-program.ts";
import { withWeights } from "./weights.ts";

const OPTIONS: ProgramOptions = {
  ...MLP_OPTIONS,
  fields: [
    { name: "x", dtype: "float32", rowShape: [4] },
    { name: "label", dtype: "int64", rowShape: [] },
  ],
  batchSize: 3,
};

function faultOf(build: () => unknown): ProgramFault | undefined {
  try {
    build();
  } catch (error) {
    if (error instanceof ProgramError) return error.fault;
    throw error;
  }
  return undefined;
}

const building = (options: Partial<ProgramOptions>, model: Graph = mlp(4, 6, 3)) =>
  faultOf(() => buildTrainProgram(model, { ...OPTIONS, ...options }));

describe("a program is refused", () => {
  test.each<[string, object, string, string]>([
    ["batchSize", { batchSize: 0 }, "0", "a whole number, 1 at least"],
    ["batchSize", { batchSize: 2.5 }, "2.5", "a whole number, 1 at least"],
    ["microBatches", { microBatches: -1 }, "-1", "a whole number, 1 at least"],
    ["recompute", { recompute: 0 }, "0", "a whole number, 1 at least"],
    ["memoryLimitBytes", { memoryLimitBytes: Number.NaN }, "NaN", "a number of bytes"],
    ["ema.decay", { ema: { decay: 1 } }, "1", "a number from 0 to below 1"],
    ["loss", { loss: "hinge" }, '"hinge"', "one of softmax-cross-entropy"],
    ["loss", { loss: "toString" }, '"toString"', "one of softmax-cross-entropy"],
    ["seed", { seed: 0.5 }, "0.5", "a whole number"],
    ["optimizer", { optimizer: {} }, "{}", "exactly one of adamw, sgd, lion, muon"],
    ["optimizer", { optimizer: undefined }, "undefined", "exactly one of"],
    ["optimizer.clipNorm", { optimizer: { ...OPTIONS.optimizer, clipNorm: -1 } }, "-1", "a number above 0"],
    [
      "optimizer.lion.beta2",
      { optimizer: { lion: { learningRate: 1, weightDecay: 0, beta1: 0 } } },
      "undefined",
      "a number",
    ],
    [
      "optimizer.sgd.momentum",
      { optimizer: { sgd: { learningRate: 1, weightDecay: 0, momentum: 1, nesterov: false } } },
      "1",
      "a number from 0 to below 1",
    ],
    [
      "optimizer.rates[0].factor",
      { optimizer: { ...OPTIONS.optimizer, rates: [{ pattern: "*", factor: Number.POSITIVE_INFINITY }] } },
      "Infinity",
      "a number",
    ],
    [
      "lossSettings.labelSmoothing",
      { lossSettings: { labelSmoothing: 1 } },
      "1",
      "a number from 0 to below 1",
    ],
    ["lossSettings.classWeights", { lossSettings: { classWeights: [1, -1, 1] } }, "[1,-1,1]", "a list"],
    ["adapt.lora.rank", { adapt: { lora: { rank: 0, alpha: 1, targets: ["*"] } } }, "0", "a whole number"],
  ])("for an option that means nothing: %s in %o", (option, change, found, expected) => {
    const fault = { code: "OPTION_INVALID", option, found, expected: expect.stringContaining(expected) };
    expect(building(change)).toMatchObject(fault);
    expect(faultOf(() => buildEvaluationProgram(mlp(4, 6, 3), { ...OPTIONS, ...change }))).toMatchObject(
      fault,
    );
  });

  test("without the target among the fields", () => {
    expect(building({ target: "digit" })).toEqual({
      code: "TARGET_MISSING",
      target: "digit",
      fields: ["x", "label"],
    });
  });

  test("when the target is no whole number", () => {
    const fields = [OPTIONS.fields[0] ?? { name: "x", dtype: "float32", rowShape: [4] }];
    const float = [...fields, { name: "label", dtype: "float32", rowShape: [] } as const];
    expect(building({ fields: float })).toMatchObject({
      code: "FIELD_MISMATCH",
      field: "label",
      isTarget: true,
    });
  });

  test("when rows are not what the model's input wants, naming both shapes", () => {
    const fields = [
      { name: "x", dtype: "float32", rowShape: [5] },
      { name: "label", dtype: "int64", rowShape: [] },
    ] as const;
    expect(building({ fields })).toEqual({
      code: "FIELD_MISMATCH",
      field: "x",
      has: "float32 rows of [5]",
      input: `the model's input "x"`,
      wants: "float32 rows of [4]",
      isTarget: false,
    });
  });

  test("when an input of the model has no field", () => {
    const fields = [...OPTIONS.fields, { name: "z", dtype: "float32", rowShape: [4] } as const];
    const renamed = fields.map((field) => (field.name === "x" ? { ...field, name: "u" } : field));
    expect(building({ fields: renamed })).toMatchObject({ code: "FIELD_MISSING", input: "x" });
  });

  test("when everything is frozen", () => {
    const frozen = ["a.weight", "a.bias", "b.weight", "b.bias"];
    expect(building({ frozen })).toEqual({
      code: "NOTHING_TO_TRAIN",
      output: "y",
      cut: null,
      leftOut: [],
    });
  });

  test("when an operator lets no gradient pass to any parameter, naming it", () => {
    const model = mlp(4, 6, 3);
    const ending = (nodes: Graph["nodes"]): Graph => ({
      ...model,
      outputs: [{ name: "end", type: { dtype: "float32", shape: ["batch", 3] } }],
      nodes: [...model.nodes, ...nodes],
    });
    const rounded = [node("Round", ["y"], ["r"], {}), node("Tanh", ["r"], ["end"], {})];
    expect(building({}, ending(rounded))).toEqual({
      code: "NOTHING_TO_TRAIN",
      output: "end",
      cut: { op: "Round", node: "Round:r" },
      leftOut: [],
    });
    const hard = [node("Hardmax", ["y"], ["h0"], { axis: -1 }), node("Neg", ["h0"], ["end"], {})];
    expect(building({}, ending(hard))).toMatchObject({ cut: { op: "Hardmax", node: "Hardmax:h0" } });
    const chosen = [
      node("ArgMax", ["y"], ["best"], { axis: 1, keepdims: 1, select_last_index: 0 }),
      node("Cast", ["best"], ["number"], { to: "float32" }),
      node("Expand", ["number", "shape"], ["end"], {}),
    ];
    const wide = ending(chosen);
    const initializers = new Map([...wide.initializers, ["shape", i64([2], [1, 3])]]);
    expect(building({}, { ...wide, initializers })).toMatchObject({ cut: { op: "ArgMax" } });
    // One way past it is enough.
    const beside = [node("Round", ["y"], ["r"], {}), node("Mul", ["r", "y"], ["end"], {})];
    expect(building({}, ending(beside))).toBeUndefined();
  });

  test("when a pattern matches nothing, naming the nearest names", () => {
    expect(building({ frozen: ["a.wieght"] })).toEqual({
      code: "PATTERN_UNMATCHED",
      key: "freeze",
      pattern: "a.wieght",
      nearest: ["a.weight", "b.weight", "a.bias"],
    });
    const { optimizer } = OPTIONS;
    const decay = { exclude: ["*.bias", "norm.*"] };
    expect(building({ optimizer: { ...optimizer, decay } })).toMatchObject({
      code: "PATTERN_UNMATCHED",
      key: "optimizer.decay.exclude",
      pattern: "norm.*",
    });
    expect(building({ optimizer: { ...optimizer, decay: { only: ["c.*"] } } })).toMatchObject({
      key: "optimizer.decay.only",
    });
    expect(building({ alsoTrain: ["logit_scale"] })).toMatchObject({ key: "alsoTrain" });
    const rates = [{ pattern: "encoder.*", factor: 0.1 }];
    expect(building({ optimizer: { ...optimizer, rates } })).toMatchObject({ key: "optimizer.rates" });
  });

  test("when the model has no output of that name, naming those it has", () => {
    const build = () => buildTrainProgram(mlp(4, 6, 3), { ...OPTIONS, output: "z" });
    expect(build).toThrow('objective.output: the model has no output "z"; its outputs are "y"');
    const model = mlp(4, 6, 3);
    const outputs = [
      ...model.outputs,
      { name: "hidden", type: { dtype: "float32", shape: ["batch", 6] } } as const,
    ];
    expect(building({ output: "hiden" }, { ...model, outputs })).toEqual({
      code: "OUTPUT_UNKNOWN",
      output: "hiden",
      nearest: "hidden",
      outputs: ["y", "hidden"],
    });
  });

  test("when the output has no class axis for the targets", () => {
    const fields = [
      { name: "x", dtype: "float32", rowShape: [4] },
      { name: "label", dtype: "int64", rowShape: [7] },
    ] as const;
    expect(building({ fields })).toMatchObject({ code: "OUTPUT_MISFIT", output: "y" });
  });

  test("when the model ends in a Softmax over something else than the classes", () => {
    const model = mlp(4, 6, 3);
    const probabilities: Graph = {
      ...model,
      outputs: [{ name: "p", type: { dtype: "float32", shape: ["batch", 3] } }],
      nodes: [...model.nodes, node("Softmax", ["y"], ["p"], { axis: 0 })],
    };
    expect(building({}, probabilities)).toMatchObject({ code: "OUTPUT_MISFIT", output: "p" });
  });

  test("when the batch of the export is part of the computation", () => {
    const model = mlp(4, 6, 3, {
      initializers: new Map([["mixing", random(9, [2, 2])]]),
      nodes: [node("MatMul", ["mixing", "h"], ["mixed"], {})],
    });
    const exported: Graph = { ...model, inputs: [{ name: "x", type: { dtype: "float32", shape: [2, 4] } }] };
    expect(building({}, exported)).toEqual({
      code: "BATCH_BAKED_IN",
      node: "MatMul:mixed",
      exported: 2,
      batchSize: 3,
    });
  });

  test("when a size depends on the data", () => {
    const model = mlp(4, 6, 3, {
      initializers: new Map([
        ["one", i64([1], [1])],
        ["six", i64([1], [6])],
        ["row", random(9, [1, 6])],
      ]),
      nodes: [
        node("ReduceMax", ["h"], ["most"], { keepdims: 1, noop_with_empty_axes: 0 }),
        node("Cast", ["most"], ["whole"], { to: "int64" }),
        node("Reshape", ["whole", "one"], ["rows"], { allowzero: 0 }),
        node("Concat", ["rows", "six"], ["target"], { axis: 0 }),
        node("Expand", ["row", "target"], ["wide"], {}),
      ],
    });
    expect(building({}, model)).toMatchObject({ code: "SIZE_UNKNOWN", node: "Expand:wide" });
  });

  test("weights of another length than the parameters'", () => {
    const model = mlp(4, 6, 3);
    const { signature } = buildTrainProgram(model, OPTIONS);
    expect(faultOf(() => withWeights(model, signature, new Float32Array(3)))).toEqual({
      code: "WEIGHTS_MISMATCH",
      length: 3,
      expected: 4 * 6 + 6 + 6 * 3 + 3,
    });
  });
});

test("one input and one field besides the target go together whatever their names", () => {
  const fields = [
    { name: "pixels", dtype: "uint8", rowShape: [4] },
    { name: "label", dtype: "int64", rowShape: [1] },
  ] as const;
  expect(buildTrainProgram(mlp(4, 6, 3), { ...OPTIONS, fields }).signature.fields).toEqual(fields);
});

test("initial weights are the model's, in the order of the signature", () => {
  const model = mlp(1, 1, 2);
  const fields = [{ name: "x", dtype: "float32", rowShape: [1] } as const, ...OPTIONS.fields.slice(1)];
  const { initialWeights, signature } = buildTrainProgram(model, { ...OPTIONS, fields });
  const expected = signature.parameters.flatMap(({ name }) =>
    Array.from(model.initializers.get(name)?.data ?? [], Number),
  );
  expect([...initialWeights]).toEqual([...f32([6], expected).data]);
});

test("a batch whose tensors would be too large is refused with the node that makes them", () => {
  expect(building({ batchSize: 2 ** 28 })).toMatchObject({
    code: "SIZE_TOO_LARGE",
    elements: 2 ** 28 * 6,
    max: 2 ** 30,
  });
});
