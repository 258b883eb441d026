/** A Scan written by its body: what a state becomes, row by row. */
import { assertDefined } from "@pingo/core";
import type { GraphValue } from "../../graph/graph.ts";
import { at, Emitter, type Value } from "../emitter.ts";

export interface Recurrence {
  /** Before the first row. */
  readonly states: readonly Value[];
  /** Each [steps, …]. */
  readonly rows: readonly Value[];
  /** From the last row to the first; what comes out is in the order of the rows all the same. */
  readonly isBackwards: boolean;
  /** Values of the graph around may be read. */
  body(emit: Emitter, states: readonly Value[], rows: readonly Value[]): Stepped;
}

export interface Stepped {
  readonly states: readonly Value[];
  readonly rows: readonly Value[];
}

/** The states after the last row, and for each row that the body makes all of them, [steps, …]. */
export function recur(emit: Emitter, { states, rows, isBackwards, body }: Recurrence): Stepped {
  const name = emit.freshName("recurrence");
  const inner = new Emitter(name);
  const input = (what: string) => (value: Value, i: number) => ({ ...value, name: `${name}/${what}${i}` });
  const before = states.map(input("before"));
  const row = rows.map((value) => ({ ...value, shape: value.shape.slice(1) })).map(input("row"));
  const stepped = body(inner, before, row);
  const taken = new Set([...before, ...row].map((value) => value.name));
  // Every output of a body is a value of its own.
  const outputs = [...stepped.states, ...stepped.rows].map((value) => {
    const own = taken.has(value.name) ? inner.node("Identity", [value], {}, value.dtype, value.shape) : value;
    taken.add(own.name);
    return own;
  });
  const steps = at(assertDefined(rows[0], "a recurrence has rows").shape, 0);
  const direction = isBackwards ? 1 : 0;
  const made = emit
    .nodeOf(
      "Scan",
      [...states, ...rows],
      {
        body: {
          name,
          inputs: [...before, ...row].map(graphValue),
          outputs: outputs.map(graphValue),
          initializers: inner.constants,
          nodes: inner.nodes,
        },
        num_scan_inputs: rows.length,
        scan_input_directions: rows.map(() => direction),
        scan_output_directions: stepped.rows.map(() => direction),
      },
      outputs.map(({ dtype, shape }, i) => ({ dtype, shape: i < states.length ? shape : [steps, ...shape] })),
    )
    .filter((value) => value !== undefined);
  return { states: made.slice(0, states.length), rows: made.slice(states.length) };
}

function graphValue({ name, dtype, shape }: Value): GraphValue {
  return { name, type: { dtype, shape } };
}
