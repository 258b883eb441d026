/** Cases of: operators with a body. */
import type { ControlAttributes } from "../../ops/control.ts";
import type { OpCases } from "./draw.ts";

export const controlCases: OpCases<keyof ControlAttributes> = {
  Scan: (r) => {
    const width = r.int(1, 4);
    const row = { dtype: "float32", shape: [width] } as const;
    const body = {
      name: "body",
      inputs: ["state", "row"].map((name) => ({ name, type: row })),
      outputs: ["next", "out"].map((name) => ({ name, type: row })),
      initializers: new Map(),
      nodes: [
        { op: "Add", name: "add", inputs: ["state", "row"], outputs: ["next"], attributes: {} },
        { op: "Mul", name: "mul", inputs: ["next", "row"], outputs: ["out"], attributes: {} },
      ],
    } as const;
    const axis = r.int(0, 1);
    const steps = r.int(1, 4);
    const sequence = axis === 0 ? [steps, width] : [width, steps];
    const attributes = { body, num_scan_inputs: 1, scan_input_axes: [axis], scan_output_axes: [r.int(0, 1)] };
    return { inputs: [r.floats([width]), r.floats(sequence)], attributes, outputs: 2 };
  },
};
