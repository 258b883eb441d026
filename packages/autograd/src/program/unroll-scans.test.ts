import { LIMITS } from "@pingo/core";
import { expect, test } from "vitest";
import type { Graph } from "../graph/graph.ts";
import type { Tensor } from "../graph/tensor.ts";
import { checkGradients, DIFFERENCE_ERROR_MAX } from "../reference/check-gradients.ts";
import { inspectModel } from "../reference/inspect.ts";
import { buildTrainProgram } from "./train-program.ts";

const row = { dtype: "float32", shape: ["batch", 3] } as const;
const weight = (name: string, values: readonly number[]) =>
  [name, { dtype: "float32", shape: [3, 3], data: Float32Array.from(values) }] as const;
const nine = (by: number) => Array.from({ length: 9 }, (_, i) => Math.sin(by * (i + 1)));

/** next = tanh(state · recurrent + row · input), out = next · row; the weights are read from around the body. */
function recurrence(settings: { readonly axis: number; readonly direction: number }): Graph {
  const { axis, direction } = settings;
  const body: Graph = {
    name: "body",
    inputs: ["state", "row"].map((name) => ({ name, type: row })),
    outputs: ["next", "out"].map((name) => ({ name, type: row })),
    initializers: new Map([["half", { dtype: "float32", shape: [], data: Float32Array.of(0.5) }]]),
    nodes: [
      { op: "MatMul", name: "r", inputs: ["state", "recurrent"], outputs: ["a"], attributes: {} },
      { op: "MatMul", name: "i", inputs: ["row", "input"], outputs: ["b"], attributes: {} },
      { op: "Add", name: "sum", inputs: ["a", "b"], outputs: ["c"], attributes: {} },
      { op: "Mul", name: "scale", inputs: ["c", "half"], outputs: ["d"], attributes: {} },
      { op: "Tanh", name: "tanh", inputs: ["d"], outputs: ["next"], attributes: {} },
      { op: "Mul", name: "out", inputs: ["next", "row"], outputs: ["out"], attributes: {} },
    ],
  };
  const scan = {
    body,
    num_scan_inputs: 1,
    scan_input_axes: [axis],
    scan_input_directions: [direction],
    scan_output_axes: [1],
    scan_output_directions: [direction],
  };
  return {
    name: "recurrence",
    inputs: [{ name: "x", type: { dtype: "float32", shape: ["batch", 4, 3] } }],
    outputs: [{ name: "y", type: { dtype: "float32", shape: ["batch", 5, 3] } }],
    initializers: new Map<string, Tensor>([
      weight("recurrent", nine(1)),
      weight("input", nine(2)),
      ["axes", { dtype: "int64", shape: [1], data: BigInt64Array.of(1n) }],
    ]),
    constants: new Set(["axes"]),
    nodes: [
      ...(axis === 0
        ? [
            {
              op: "Transpose",
              name: "front",
              inputs: ["x"],
              outputs: ["rows"],
              attributes: { perm: [1, 0, 2] },
            } as const,
          ]
        : [{ op: "Identity", name: "same", inputs: ["x"], outputs: ["rows"], attributes: {} } as const]),
      {
        op: "ReduceMean",
        name: "start",
        inputs: ["x", "axes"],
        outputs: ["first"],
        attributes: { keepdims: 0, noop_with_empty_axes: 0 },
      },
      { op: "Scan", name: "scan", inputs: ["first", "rows"], outputs: ["last", "outs"], attributes: scan },
      { op: "Unsqueeze", name: "wide", inputs: ["last", "axes"], outputs: ["one"], attributes: {} },
      { op: "Concat", name: "all", inputs: ["one", "outs"], outputs: ["y"], attributes: { axis: 1 } },
    ],
  };
}

test.for([
  { axis: 0, direction: 0 },
  { axis: 1, direction: 1 },
])("the gradient of a Scan goes back through every step, %o", async (settings) => {
  const result = await checkGradients(recurrence(settings));
  expect(result).toMatchObject({ checked: 2, passed: true });
  expect(result.worst).toBeLessThan(DIFFERENCE_ERROR_MAX);
});

test("what only the body reads is a parameter, for a program and for who asks", () => {
  const model = recurrence({ axis: 1, direction: 0 });
  const program = buildTrainProgram(model, {
    fields: [
      { name: "x", dtype: "float32", rowShape: [4, 3] },
      { name: "target", dtype: "float32", rowShape: [5, 3] },
    ],
    target: "target",
    loss: "mean-squared-error",
    optimizer: { sgd: { learningRate: 0.1, momentum: 0, nesterov: false, weightDecay: 0 } },
    batchSize: 2,
  });
  expect(program.signature.parameters.map(({ name }) => name)).toEqual(["recurrent", "input"]);
  expect(inspectModel(model)).toMatchObject({
    ops: { Scan: 1 },
    parameters: { tensors: 2, elements: 18 },
    withoutGradient: [],
    obstacle: null,
  });
});

test("one that is too long to write out is named, with what to do", () => {
  const model = recurrence({ axis: 1, direction: 0 });
  const steps = Math.ceil(LIMITS.modelNodesMax / 5);
  const long = {
    ...model,
    inputs: [{ name: "x", type: { dtype: "float32", shape: [1, steps, 3] } as const }],
  };
  const found = inspectModel({
    ...long,
    outputs: long.outputs.map(({ name, type }) => ({ name, type: { ...type, shape: [1, steps + 1, 3] } })),
  });
  expect(found.withoutGradient).toEqual([{ op: "Scan", node: "scan" }]);
  expect(found.obstacle?.message).toMatch(
    /node "scan" \(Scan\).*more than 20000 nodes: make what it runs over shorter/,
  );
});
