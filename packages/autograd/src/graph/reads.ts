/** What nodes read, bodies included, and which nodes are needed for some outputs. */
import type { AnyNode, Graph } from "./graph.ts";

/** Its inputs, and what its body reads of the graphs around it. */
export function readsOf(node: AnyNode): readonly string[] {
  return node.op === "Scan" ? [...node.inputs, ...capturedBy(node.attributes.body)] : node.inputs;
}

/** Of nodes in topological order, those that something of the outputs is made of. */
export function neededNodes(nodes: readonly AnyNode[], outputs: Iterable<string>): AnyNode[] {
  const needed = new Set(outputs);
  const kept: AnyNode[] = [];
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((name) => needed.has(name))) continue;
    for (const name of readsOf(node)) needed.add(name);
    kept.push(node);
  }
  return kept.reverse();
}

function capturedBy(body: Graph): readonly string[] {
  const own = new Set([...body.inputs.map(({ name }) => name), ...body.initializers.keys()]);
  for (const { outputs } of body.nodes) for (const name of outputs) own.add(name);
  const read = [...body.nodes.flatMap(readsOf), ...body.outputs.map(({ name }) => name)];
  return [...new Set(read)].filter((name) => name !== "" && !own.has(name));
}
