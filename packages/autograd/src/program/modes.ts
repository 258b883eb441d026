/** Whatever mode a model was exported in, brings its batch norm and dropout into inference mode. */
import type { AnyNode, Graph } from "../graph/graph.ts";

export function inferenceMode(model: Graph): Graph {
  return { ...model, nodes: model.nodes.map(inferenceNode) };
}

function inferenceNode(node: AnyNode): AnyNode {
  if (node.op === "Scan")
    return { ...node, attributes: { ...node.attributes, body: inferenceMode(node.attributes.body) } };
  if (node.op === "BatchNormalization") {
    // Outputs 1 and 2 are the next running statistics, which only training has.
    return {
      ...node,
      outputs: node.outputs.slice(0, 1),
      attributes: { ...node.attributes, training_mode: 0 },
    };
  }
  // Without its training_mode input, Dropout passes x on.
  if (node.op === "Dropout") return { ...node, inputs: node.inputs.slice(0, 2) };
  return node;
}
