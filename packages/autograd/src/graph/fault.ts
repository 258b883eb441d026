/** What can be wrong with a graph; every sentence names the node. */
import { FaultError, type Sentences } from "@pingo/core";
import type { Shape } from "./tensor.ts";

export type GraphFault =
  | { readonly code: "SHAPE_MISMATCH"; readonly op: string; readonly node: string; readonly why: string }
  | { readonly code: "DTYPE_MISMATCH"; readonly op: string; readonly node: string; readonly why: string }
  | { readonly code: "ATTRIBUTE_INVALID"; readonly op: string; readonly node: string; readonly why: string }
  | { readonly code: "NODE_ILLEGAL"; readonly op: string; readonly node: string; readonly why: string }
  | { readonly code: "GRAPH_ILLEGAL"; readonly why: string };

const SENTENCES: Sentences<GraphFault> = {
  SHAPE_MISMATCH: (f) => `the shapes at node "${f.node}" (${f.op}) do not fit: ${f.why}`,
  DTYPE_MISMATCH: (f) => `the element types at node "${f.node}" (${f.op}) do not fit: ${f.why}`,
  ATTRIBUTE_INVALID: (f) => `node "${f.node}" (${f.op}) has an attribute that cannot be: ${f.why}`,
  NODE_ILLEGAL: (f) => `node "${f.node}" (${f.op}) is not legal: ${f.why}`,
  GRAPH_ILLEGAL: (f) => `the graph is not legal: ${f.why}`,
};

export class GraphError extends FaultError<GraphFault> {
  override readonly name = "GraphError";
  constructor(fault: GraphFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}

/** A shape as sentences show it: [batch, 3, 28, 28]. */
export function showShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}
