/**
 * What lowering is: nodes of the graph replaced by operators that only one build of ONNX Runtime has.
 *
 * A lowered graph is written, never read back: no rule, no inference and no reference knows its foreign operators.
 */
import type { AnyNode, Graph, TypeByValue } from "../graph/graph.ts";
import type { Tensor } from "../graph/tensor.ts";

/** An operator outside the op set. */
export interface ForeignNode {
  readonly foreign: string;
  readonly domain: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, number | string | readonly number[]>>;
}

export type LoweredNode = AnyNode | ForeignNode;

export interface Lowered {
  readonly nodes: readonly LoweredNode[];
  /** Beside the graph's own. */
  readonly constants: ReadonlyMap<string, Tensor>;
}

/** A graph that another lowering may have been at already. */
export interface LoweringGraph extends Omit<Graph, "nodes"> {
  readonly nodes: readonly LoweredNode[];
}

/** @param types  of the values that the graph had at first, and of those around it */
export type Lowering = (graph: LoweringGraph, types: TypeByValue) => Lowered;

/** One lowering after the other. */
export function lowerGraph(graph: Graph, types: TypeByValue, lowerings: readonly Lowering[]): Lowered {
  return lowerings.reduce<Lowered>(
    ({ nodes, constants }, lower) => {
      const next = lower({ ...graph, nodes }, types);
      return { nodes: next.nodes, constants: new Map([...constants, ...next.constants]) };
    },
    { nodes: graph.nodes, constants: new Map() },
  );
}

/** Whether a node is of the op set. */
export function isPlain(node: LoweredNode): node is AnyNode {
  return !("foreign" in node);
}
