/** Nodes in an order in which each reads only what is made before it. */
import type { GraphProto, NodeProto } from "./onnx_pb.ts";

/**
 * Exporters and editors leave nodes in any order; nodes in order already stay as they are. Those of a cycle come
 * last, where the reader refuses them. Linear in the names that are read: each is waited for once.
 */
export function sortNodes(nodes: readonly NodeProto[]): readonly NodeProto[] {
  const made = new Set(nodes.flatMap(({ output }) => output));
  const done = new Set<NodeProto>();
  const ready = new Set<string>();
  const waitingFor = new Map<string, NodeProto[]>();
  const missing = new Map<NodeProto, number>();
  const sorted: NodeProto[] = [];
  const place = (first: NodeProto) => {
    const placed = [first];
    for (let i = 0; i < placed.length; i++) {
      const node = placed[i];
      if (node === undefined) continue;
      sorted.push(node);
      done.add(node);
      for (const name of node.output) {
        ready.add(name);
        for (const waiting of waitingFor.get(name) ?? []) {
          const left = (missing.get(waiting) ?? 0) - 1;
          missing.set(waiting, left);
          if (left === 0) placed.push(waiting);
        }
        waitingFor.delete(name);
      }
    }
  };
  for (const node of nodes) {
    const unmade = [...readsOf(node)].filter((name) => made.has(name) && !ready.has(name));
    if (unmade.length === 0) {
      place(node);
      continue;
    }
    missing.set(node, unmade.length);
    for (const name of unmade) {
      const waiting = waitingFor.get(name);
      if (waiting === undefined) waitingFor.set(name, [node]);
      else waiting.push(node);
    }
  }
  return [...sorted, ...nodes.filter((node) => !done.has(node))];
}

/** The names a node reads, those that its bodies read from around them included. */
function readsOf(node: NodeProto): Set<string> {
  const names = new Set(node.input);
  for (const { g } of node.attribute) {
    if (g !== undefined) for (const name of capturesOf(g)) names.add(name);
  }
  names.delete("");
  return names;
}

function capturesOf(graph: GraphProto): Set<string> {
  const read = new Set(graph.output.map(({ name }) => name));
  for (const node of graph.node) for (const name of readsOf(node)) read.add(name);
  for (const { name } of graph.input) read.delete(name);
  for (const { name } of graph.initializer) read.delete(name);
  for (const { output } of graph.node) for (const name of output) read.delete(name);
  return read;
}
