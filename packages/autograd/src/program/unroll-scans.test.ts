import { expect, test } from "vitest";
import type { Graph } from "../graph/graph.ts";
import type { Tensor } from "../graph/tensor.ts";
import { checkGradients, DIFFERENCE_ERROR_MAX } from "../reference/check-gradients.ts";

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
