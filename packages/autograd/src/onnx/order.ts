/** Nodes in an order in which each reads only what is made before it. */
import type { GraphProto, NodeProto } from "./onnx_pb.ts";

/**
 * Exporters and editors leave nodes in any order; nodes in order already stay as they are. Those of a cycle come
 * last, where the reader refuses them.
 */
export function sortNodes(nodes: readonly NodeProto[]): readonly NodeProto[] {
  const made = new Set(nodes.flatMap(({ output }) => output));
  const done = new Set<NodeProto>();
  const ready = new Set<string>();
  const waiting = new Map<string, NodeProto[]>();
  const sorted: NodeProto[] = [];
  const place = (first: NodeProto) => {
    const queue = [first];
    for (let node = queue.shift(); node !== undefined; node = queue.shift()) {
      const missing = readsOf(node).find((name) => made.has(name) && !ready.has(name));
      if (missing !== undefined) {
        waiting.set(missing, [...(waiting.get(missing) ?? []), node]);
        continue;
      }
      sorted.push(node);
      done.add(node);
      for (const name of node.output) {
        ready.add(name);
        queue.push(...(waiting.get(name) ?? []));
        waiting.delete(name);
      }
    }
  };
  for (const node of nodes) place(node);
  return [...sorted, ...nodes.filter((node) => !done.has(node))];
}

/** The names a node reads, those that its bodies read from around them included. */
function readsOf(node: NodeProto): string[] {
  const bodies = node.attribute.flatMap(({ g }) => (g === undefined ? [] : capturesOf(g)));
  return [...node.input.filter((name) => name !== ""), ...bodies];
}

function capturesOf(graph: GraphProto): string[] {
  const own = new Set([
    ...graph.input.map(({ name }) => name),
    ...graph.initializer.map(({ name }) => name),
    ...graph.node.flatMap(({ output }) => output),
  ]);
  const read = [...graph.node.flatMap(readsOf), ...graph.output.map(({ name }) => name)];
  return read.filter((name) => !own.has(name));
}
