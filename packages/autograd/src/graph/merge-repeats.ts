/** A graph in which what is computed twice from the same values is computed once, as ONNX Runtime has it in the end. */
import type { AnyNode, Graph } from "./graph.ts";

export function mergeRepeats(graph: Graph): Graph {
  const given = new Set(graph.outputs.map(({ name }) => name));
  const renamed = new Map<string, string>();
  const firstByKey = new Map<string, AnyNode>();
  const nodes: AnyNode[] = [];
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((name) => renamed.get(name) ?? name);
    // SAFETY: the same node with other names for the same values.
    const merged = { ...node, inputs } as AnyNode;
    const key = keyOf(merged);
    const first = key === undefined ? undefined : firstByKey.get(key);
    if (first === undefined || node.outputs.some((name) => given.has(name))) {
      if (key !== undefined) firstByKey.set(key, merged);
      nodes.push(merged);
      continue;
    }
    for (const [i, name] of node.outputs.entries()) renamed.set(name, first.outputs[i] ?? name);
  }
  return { ...graph, nodes };
}

/** Undefined for what is not compared: bodies, which read by names that may change, and tensors. */
function keyOf({ op, inputs, outputs, attributes }: AnyNode): string | undefined {
  const settings = Object.entries(attributes);
  const isPlain = settings.every(([, value]) => typeof value !== "object" || Array.isArray(value));
  return isPlain ? JSON.stringify([op, inputs, outputs.length, settings.sort()]) : undefined;
}
