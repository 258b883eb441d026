/** Gradient cases of: operators with a body. */
import type { ControlAttributes } from "../../../src/graph/ops/control.ts";
import type { TensorType } from "../../../src/graph/tensor.ts";
import { node } from "../../run-graph.ts";
import type { GradientCases } from "../check.ts";

export const controlCases: GradientCases<keyof ControlAttributes> = {
  // next = tanh(state · row), out = next + row, column by column or row by row, forwards or backwards.
  Scan: (draw) => {
    const width = draw.int(1, 3);
    const type: TensorType = { dtype: "float32", shape: [width] };
    const body = {
      name: "body",
      inputs: ["state", "row"].map((name) => ({ name, type })),
      outputs: ["next", "out"].map((name) => ({ name, type })),
      initializers: new Map(),
      nodes: [
        node("Mul", ["state", "row"], ["product"], {}),
        node("Tanh", ["product"], ["next"], {}),
        node("Add", ["next", "row"], ["out"], {}),
      ],
    };
    const axis = draw.int(-2, 1);
    const steps = draw.int(1, 4);
    const sequence = axis === 0 || axis === -2 ? [steps, width] : [width, steps];
    const attributes = {
      body,
      num_scan_inputs: 1,
      scan_input_axes: [axis],
      scan_input_directions: [draw.int(0, 1)],
      scan_output_axes: [draw.int(-2, 1)],
      scan_output_directions: [draw.int(0, 1)],
    };
    return { inputs: [draw.signed([width]), draw.signed(sequence)], attributes, outputs: 2 };
  },
};
