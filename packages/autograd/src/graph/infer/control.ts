/** Types of a Scan: its body is typed with the values around it in scope. */

import { showShape } from "../fault.ts";
import { unifyShapes } from "../shape.ts";
import type { Dim, TensorType } from "../tensor.ts";
import type { Rules, Site } from "./site.ts";

export const control: Rules<"Scan"> = {
  Scan: (site) => {
    const { body, num_scan_inputs: scanned } = site.attributes;
    const stateful = site.node.inputs.length - scanned;
    if (
      stateful < 0 ||
      body.inputs.length !== site.node.inputs.length ||
      body.outputs.length !== site.node.outputs.length
    ) {
      throw site.illegal("its inputs and outputs are not those of its body");
    }
    const states = site.node.inputs.slice(0, stateful).map((_, i) => site.input(i));
    const { sequences, steps } = sequenceInputs(site, stateful);
    const results = site.inference.inferBody(body, [...states, ...sequences]);
    return results.map((result, i): TensorType => {
      const state = states[i];
      if (state === undefined) return stacked(site, result, i - stateful, steps);
      const shape = unifyShapes(state.shape, result.shape);
      if (shape === undefined || state.dtype !== result.dtype) {
        throw site.shape(
          `state ${i} goes in as ${state.dtype}${showShape(state.shape)} and comes out as ${result.dtype}${showShape(result.shape)}`,
        );
      }
      return { dtype: state.dtype, shape };
    });
  },
};

function sequenceInputs(site: Site<"Scan">, stateful: number) {
  let steps: Dim | undefined;
  const sequences = site.node.inputs.slice(stateful).map((_, i): TensorType => {
    const { dtype, shape } = site.input(stateful + i);
    const axis = site.axis(site.attributes.scan_input_axes?.[i] ?? 0, shape.length);
    const length = shape[axis] ?? 1;
    steps = site.unify(steps ?? length, length, "the scanned inputs differ in length");
    return { dtype, shape: shape.toSpliced(axis, 1) };
  });
  return { sequences, steps };
}

function stacked(
  site: Site<"Scan">,
  { dtype, shape }: TensorType,
  output: number,
  steps: Dim | undefined,
): TensorType {
  const axis = site.axis(site.attributes.scan_output_axes?.[output] ?? 0, shape.length + 1);
  return { dtype, shape: shape.toSpliced(axis, 0, site.dimOr(steps)) };
}
