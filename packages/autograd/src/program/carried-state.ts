/** What the steps of a train program carry, and how it crosses the program's border. */
import type { AnyNode, GraphValue } from "../graph/graph.ts";
import { at, type Emitter, equalShapes, sizeOf, type Value } from "../rules/emitter.ts";

/** A tensor at the program's border. */
export interface Part {
  readonly name: string;
  readonly shape: readonly number[];
}

/** Of several parts it is the vector of them all, one after the other; of one it may have another shape. */
export interface State {
  readonly parts: readonly Part[];
  /** In the body, and the value that it becomes. */
  readonly value: Value;
  readonly next: Value;
}

export interface Border {
  readonly inputs: readonly GraphValue[];
  readonly outputs: readonly GraphValue[];
  /** Before the steps, and the state that they give. */
  readonly before: readonly AnyNode[];
  readonly first: readonly Value[];
  /** The state that the steps leave, and the nodes that read it. */
  readonly last: readonly Value[];
  readonly after: readonly AnyNode[];
}

/** The nodes lie outside the steps: a call has them once. */
export function borderOf(emit: Emitter, states: readonly State[]): Border {
  const first = states.map(({ parts, value }) => {
    const values = parts.map(({ name, shape }): Value => ({ ...value, name, shape }));
    const [only] = values;
    if (values.length === 1 && only !== undefined) return emit.reshape(only, value.shape);
    return emit.concat(
      values.map((each) => emit.reshape(each, [sizeOf(each.shape)])),
      0,
    );
  });
  const before = emit.nodes.splice(0);
  const last = states.map(({ parts, value }): Value => {
    const [only] = parts;
    const isItself = parts.length === 1 && only !== undefined && equalShapes(only.shape, value.shape);
    return { ...value, name: isItself ? `${only.name}/next` : `${at(parts, 0).name}/carried` };
  });
  const after = states.flatMap(({ parts }, i) => viewsOf(emit, at(last, i), parts.map(nextOf)));
  const typed = ({ name, shape }: Part): GraphValue => ({ name, type: { dtype: "float32", shape } });
  const all = states.flatMap(({ parts }) => parts);
  return { inputs: all.map(typed), outputs: all.map(nextOf).map(typed), before, first, last, after };
}

/** Nodes that make the parts, by their names, of a state's value; none where it is its one part. */
export function viewsOf(emit: Emitter, value: Value, parts: readonly Part[]): readonly AnyNode[] {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined)
    return only.name === value.name ? [] : [reshapeTo(emit, value.name, only)];
  const sizes = parts.map(({ shape }) => sizeOf(shape));
  const outputs = parts.map(({ name }) => name);
  const inputs = [value.name, emit.integers(sizes).name];
  return [{ op: "Split", name: `${value.name}/parts`, inputs, outputs, attributes: { axis: 0 } }];
}

function nextOf({ name, shape }: Part): Part {
  return { name: `${name}/next`, shape };
}

function reshapeTo(emit: Emitter, from: string, { name, shape }: Part): AnyNode {
  const inputs = [from, emit.integers(shape).name];
  return { op: "Reshape", name, inputs, outputs: [name], attributes: { allowzero: 1 } };
}
