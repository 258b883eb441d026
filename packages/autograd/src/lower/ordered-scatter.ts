/**
 * Sums of rows by ScatterElements, where a program may run on several threads: ScatterND(add) loses updates then, when
 * indices repeat. ScatterElements goes one update after the other, about 20 times as slow.
 */
import type { AnyNode, GraphNode, TypeByValue } from "../graph/graph.ts";
import type { Tensor } from "../graph/tensor.ts";
import { isPlain, type Lowered, type LoweredNode, type LoweringGraph } from "./lowering.ts";
import { LoweringError } from "./lowering-error.ts";

/** @throws {LoweringError} SCATTER_RACES */
export function orderedScatter(graph: LoweringGraph, types: TypeByValue): Lowered {
  const constants = new Map<string, Tensor>();
  const integers = (values: readonly number[]) => {
    const name = `ordered/[${values.join()}]`;
    const data = BigInt64Array.from(values, BigInt);
    constants.set(name, { dtype: "int64", shape: [values.length], data });
    return name;
  };
  const nodes = graph.nodes.flatMap((node): readonly LoweredNode[] => {
    if (!isPlain(node) || node.op !== "ScatterND" || node.attributes.reduction === "none") return [node];
    return orderRows(node, types, integers);
  });
  return { nodes, constants };
}

/** data[V, …], indices[…, 1], updates[…, …]: as matrices of rows, each index repeated along its row. */
function orderRows(
  node: GraphNode<"ScatterND">,
  types: TypeByValue,
  integers: (values: readonly number[]) => string,
): AnyNode[] {
  const [data = "", indices = "", updates = ""] = node.inputs;
  const [shape, places] = [sizesOf(types, data), sizesOf(types, indices)];
  const row = shape?.slice(1).reduce((product, dim) => product * dim, 1);
  const count = places?.reduce((product, dim) => product * dim, 1);
  if (shape === undefined || row === undefined || count === undefined || places?.at(-1) !== 1) {
    throw new LoweringError({ code: "SCATTER_RACES", node: node.name });
  }
  const [rows = 0] = shape;
  const named = (part: string) => `${node.name}/${part}`;
  const reshape = (x: string, part: string, to: readonly number[]): AnyNode => ({
    op: "Reshape",
    name: named(part),
    inputs: [x, integers(to)],
    outputs: [named(part)],
    attributes: { allowzero: 1 },
  });
  return [
    reshape(data, "table", [rows, row]),
    reshape(updates, "updates", [count, row]),
    reshape(indices, "column", [count, 1]),
    {
      op: "Expand",
      name: named("places"),
      inputs: [named("column"), integers([count, row])],
      outputs: [named("places")],
      attributes: {},
    },
    {
      op: "ScatterElements",
      name: named("sums"),
      inputs: [named("table"), named("places"), named("updates")],
      outputs: [named("sums")],
      attributes: { axis: 0, reduction: node.attributes.reduction },
    },
    { ...reshape(named("sums"), "result", shape), outputs: [...node.outputs] },
  ];
}

function sizesOf(types: TypeByValue, name: string): readonly number[] | undefined {
  const shape = types.get(name)?.shape;
  const sizes = shape?.filter((dim) => typeof dim === "number");
  return sizes?.length === shape?.length ? sizes : undefined;
}
