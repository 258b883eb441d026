/**
 * Writes a model's Scan out, step after step, so that the gradient takes its way back through every step.
 *
 * What is too long to write out stays a Scan, which has no gradient.
 */
import { assertDefined, LIMITS } from "@pingo/core";
import type { AnyNode, GraphNode } from "../graph/graph.ts";
import { type Inference, inferNode, startInference } from "../graph/infer.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { StaticGraph } from "../rules/differentiate.ts";
import { axisOf, Emitter, range, typedValue, type Value } from "../rules/emitter.ts";

export function unrollScans(graph: StaticGraph): StaticGraph {
  if (!graph.nodes.some(({ op }) => op === "Scan")) return graph;
  const inference = startInference({
    name: "",
    inputs: [],
    outputs: [],
    initializers: graph.constants,
    nodes: [],
  });
  for (const [name, type] of graph.types) inference.types.set(name, type);
  const constants = new Map(graph.constants);
  const emit = new Emitter("unrolled");
  const nodes = graph.nodes.flatMap((node) => {
    if (node.op !== "Scan") return [node];
    const steps = stepsOf(node, inference);
    if (steps === 0 || steps * node.attributes.body.nodes.length > LIMITS.modelNodesMax) return [node];
    unroll(node, steps, { emit, inference, constants });
    return emit.nodes.splice(0);
  });
  const types = new Map([...inference.types, ...emit.types]);
  return { nodes, types, constants: new Map([...constants, ...emit.constants]) };
}

function stepsOf({ inputs, attributes }: GraphNode<"Scan">, { types }: Inference): number {
  const first = inputs[inputs.length - attributes.num_scan_inputs];
  if (first === undefined) return 0;
  const { shape } = typedValue(types, first);
  return shape[axisOf(attributes.scan_input_axes?.[0] ?? 0, shape.length)] ?? 0;
}

interface Unrolling {
  readonly emit: Emitter;
  readonly inference: Inference;
  readonly constants: Map<string, Tensor>;
}

function unroll(node: GraphNode<"Scan">, steps: number, { emit, inference, constants }: Unrolling): void {
  const { attributes, inputs, outputs } = node;
  const { body } = attributes;
  const stateCount = inputs.length - attributes.num_scan_inputs;
  const typed = (name: string): Value => typedValue(inference.types, name);
  const declare = (value: Value): Value => {
    inference.types.set(value.name, { dtype: value.dtype, shape: value.shape });
    return value;
  };
  let states = inputs.slice(0, stateCount).map(typed);
  const sequences = inputs.slice(stateCount).map(typed);
  const collected: Value[][] = outputs.slice(stateCount).map(() => []);
  for (const t of range(steps)) {
    const rows = sequences.map((sequence, i) => {
      const axis = axisOf(attributes.scan_input_axes?.[i] ?? 0, sequence.shape.length);
      const at = attributes.scan_input_directions?.[i] === 1 ? steps - 1 - t : t;
      const row = emit.slice(sequence, axis, at, 1);
      return declare(emit.reshape(row, sequence.shape.toSpliced(axis, 1)));
    });
    const names = new Map<string, string>();
    body.inputs.forEach(({ name }, i) => {
      names.set(name, assertDefined([...states, ...rows][i], name).name);
    });
    for (const [name, tensor] of body.initializers) {
      const own = emit.freshName(name);
      names.set(name, own);
      constants.set(own, tensor);
      inference.types.set(own, { dtype: tensor.dtype, shape: tensor.shape });
    }
    for (const inner of body.nodes) addCopy(inner, names, emit, inference);
    const results = body.outputs.map(({ name }) => typed(names.get(name) ?? name));
    states = results.slice(0, stateCount);
    for (const [i, result] of results.slice(stateCount).entries()) collected[i]?.push(result);
  }
  const finals = [...states, ...collected.map((parts, i) => stacked(emit, parts, i, attributes))];
  finals.forEach((value, i) => {
    const name = outputs[i] ?? "";
    if (name === "") return;
    emit.add({ op: "Identity", name, inputs: [value.name], outputs: [name], attributes: {} });
    declare({ ...value, name });
  });
}

/** A node of the body under names of its own, typed. */
function addCopy(inner: AnyNode, names: Map<string, string>, emit: Emitter, inference: Inference): void {
  const outputs = inner.outputs.map((name) => {
    if (name === "") return "";
    const own = emit.freshName(name);
    names.set(name, own);
    return own;
  });
  const inputs = inner.inputs.map((name) => names.get(name) ?? name);
  // SAFETY: the same node under other names.
  const copy = { ...inner, name: emit.freshName(inner.name), inputs, outputs } as AnyNode;
  inferNode(copy, inference);
  emit.nodes.push(copy);
}

function stacked(
  emit: Emitter,
  parts: readonly Value[],
  output: number,
  attributes: GraphNode<"Scan">["attributes"],
): Value {
  const first = assertDefined(parts[0], "a step");
  const axis = axisOf(attributes.scan_output_axes?.[output] ?? 0, first.shape.length + 1);
  const ordered = attributes.scan_output_directions?.[output] === 1 ? parts.toReversed() : parts;
  const wide = ordered.map((part) => emit.reshape(part, part.shape.toSpliced(axis, 0, 1)));
  return emit.concat(wide, axis);
}
