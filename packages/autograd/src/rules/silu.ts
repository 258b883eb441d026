/**
 * x·σ(x) as exporters write it, a Sigmoid and a product, differentiated as one: neither x nor two of six passes are needed.
 *
 *   y = x·σ, so dy/dx = σ + x·σ·(1 − σ) = σ + y·(1 − σ)
 */
import type { AnyNode } from "../graph/graph.ts";
import type { Emitter, Value } from "./emitter.ts";

export interface Silu {
  readonly x: string;
  readonly sigmoid: string;
}

/** By the product, for each whose sigmoid is made among the same nodes and asked for by nobody else. */
export function findSilus(
  nodes: readonly AnyNode[],
  wanted: ReadonlySet<string>,
): ReadonlyMap<AnyNode, Silu> {
  const inputOf = new Map<string, string>();
  const silus = new Map<AnyNode, Silu>();
  for (const node of nodes) {
    const [a = "", b = ""] = node.inputs;
    if (node.op === "Sigmoid") inputOf.set(node.outputs[0] ?? "", a);
    if (node.op !== "Mul") continue;
    const sigmoid = inputOf.get(b) === a ? b : inputOf.get(a) === b ? a : undefined;
    if (sigmoid === undefined || wanted.has(sigmoid)) continue;
    silus.set(node, { x: sigmoid === b ? a : b, sigmoid });
  }
  return silus;
}

export function siluGradient(emit: Emitter, y: Value, sigmoid: Value, dy: Value): Value {
  const bend = emit.mul(y, emit.minusFrom(1, sigmoid));
  return emit.mul(dy, emit.add2(bend, sigmoid));
}
