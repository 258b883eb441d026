/** A model that can be read and run, and not be trained. */
import type { AnyNode, Graph } from "../graph/graph.ts";
import type { Tensor } from "../graph/tensor.ts";

/**
 * The first output is added to the mean that a LayerNormalization of it tells beside its result: that has no gradient.
 * The node is "fold"; the output keeps its name and type.
 */
export function withoutGradient(model: Graph): Graph {
  const [output] = model.outputs;
  if (output === undefined) throw new TypeError("a model has an output");
  const inner = `${output.name}/folded`;
  const width = Number(output.type.shape.at(-1));
  const scale: Tensor = { dtype: "float32", shape: [width], data: new Float32Array(width).fill(1) };
  const renamed = model.nodes.map((node): AnyNode => {
    return { ...node, outputs: node.outputs.map((name) => (name === output.name ? inner : name)) };
  });
  return {
    ...model,
    initializers: new Map([...model.initializers, ["fold/scale", scale]]),
    nodes: [
      ...renamed,
      {
        op: "LayerNormalization",
        name: "fold",
        inputs: [inner, "fold/scale"],
        outputs: ["fold/normal", "fold/mean"],
        attributes: { axis: -1, epsilon: 1e-5, stash_type: 1 },
      },
      { op: "Add", name: "fold/sum", inputs: [inner, "fold/mean"], outputs: [output.name], attributes: {} },
    ],
  };
}
