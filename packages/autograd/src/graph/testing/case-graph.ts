/** A graph of one drawn node, and what to feed it; for tests. */
import type { AnyNode, Graph } from "../graph.ts";
import { inferTypes } from "../infer.ts";
import type { OpKind } from "../ops.ts";
import type { Dim, Tensor } from "../tensor.ts";
import type { OpCase } from "./op-cases/draw.ts";

/** @param firstDim  may turn the first size of an input into a name */
export function caseGraph(
  op: OpKind,
  drawn: OpCase,
  firstDim: (size: number, input: number) => Dim = (size) => size,
): Graph {
  const outputs = Array.from({ length: drawn.outputs ?? 1 }, (_, i) => `y${i}`);
  const inputs = drawn.inputs.map((input, i) => (input === undefined ? "" : `x${i}`));
  // SAFETY: the case was drawn for this operator.
  const node = { op, name: "node", inputs, outputs, attributes: drawn.attributes } as unknown as AnyNode;
  const graph: Graph = {
    name: op,
    inputs: drawn.inputs.flatMap((input, i) => {
      if (input === undefined || input.isConstant) return [];
      const [first, ...rest] = input.tensor.shape;
      const shape = first === undefined ? [] : [firstDim(first, i), ...rest];
      return [{ name: `x${i}`, type: { dtype: input.tensor.dtype, shape } }];
    }),
    outputs: [],
    initializers: new Map(
      drawn.inputs.flatMap((input, i) => (input?.isConstant ? [[`x${i}`, input.tensor] as const] : [])),
    ),
    nodes: [node],
  };
  const types = inferTypes(graph);
  return {
    ...graph,
    outputs: outputs.map((name) => ({ name, type: types.get(name) ?? { dtype: "float32", shape: [] } })),
  };
}

export function caseFeeds(drawn: OpCase): Map<string, Tensor> {
  return new Map(
    drawn.inputs.flatMap((input, i) =>
      input === undefined || input.isConstant ? [] : [[`x${i}`, input.tensor] as const],
    ),
  );
}
