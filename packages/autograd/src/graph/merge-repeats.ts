/** A graph, and the bodies in it, in which what is computed twice from the same values is computed once. */
import type { AnyNode, Graph } from "./graph.ts";
import { readsOf } from "./reads.ts";

export function mergeRepeats(graph: Graph): Graph {
  // A body reads by names that do not change.
  const kept = new Set(graph.outputs.map(({ name }) => name));
  for (const node of graph.nodes) if (node.op === "Scan") for (const name of readsOf(node)) kept.add(name);
  const renamed = new Map<string, string>();
  const firstByKey = new Map<string, AnyNode>();
  const nodes: AnyNode[] = [];
  for (const node of graph.nodes) {
    const merged = withInputs(
      node,
      node.inputs.map((name) => renamed.get(name) ?? name),
    );
    const key = keyOf(merged);
    const first = key === undefined ? undefined : firstByKey.get(key);
    if (first === undefined || node.outputs.some((name) => kept.has(name))) {
      if (key !== undefined) firstByKey.set(key, merged);
      nodes.push(merged);
      continue;
    }
    for (const [i, name] of node.outputs.entries()) renamed.set(name, first.outputs[i] ?? name);
  }
  return { ...graph, nodes };
}

function withInputs(node: AnyNode, inputs: readonly string[]): AnyNode {
  if (node.op === "Scan") {
    return { ...node, attributes: { ...node.attributes, body: mergeRepeats(node.attributes.body) } };
  }
  // SAFETY: the same node with other names for the same values.
  return { ...node, inputs } as AnyNode;
}

/** Undefined for what is not compared: bodies and tensors. */
function keyOf({ op, inputs, outputs, attributes }: AnyNode): string | undefined {
  const settings = Object.entries(attributes);
  const isPlain = settings.every(([, value]) => typeof value !== "object" || Array.isArray(value));
  return isPlain ? JSON.stringify([op, inputs, outputs.length, settings.sort()]) : undefined;
}
