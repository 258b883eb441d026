/** Operators with a body. */
import type { Graph } from "../graph.ts";
import { arity, MANY, type OpSpecs, optionalInts } from "./spec.ts";

export interface ControlAttributes {
  /** …states, …sequences → …states, …stacked. The body may read values of the graphs around it. */
  Scan: {
    readonly body: Graph;
    readonly num_scan_inputs: number;
    readonly scan_input_axes?: readonly number[];
    readonly scan_input_directions?: readonly number[];
    readonly scan_output_axes?: readonly number[];
    readonly scan_output_directions?: readonly number[];
  };
}

export const controlOps: OpSpecs<ControlAttributes> = {
  Scan: arity(
    1,
    MANY,
    {
      body: { kind: "graph", presence: "required" },
      num_scan_inputs: { kind: "int", presence: "required" },
      scan_input_axes: optionalInts,
      scan_input_directions: optionalInts,
      scan_output_axes: optionalInts,
      scan_output_directions: optionalInts,
    },
    MANY,
  ),
};
