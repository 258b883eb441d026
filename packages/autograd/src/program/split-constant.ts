/**
 * Divides the nodes of a step into those that are the same in every step, computed once outside, and the rest.
 *
 * Nodes that nothing needs are dropped first.
 */
import type { AnyNode } from "../graph/graph.ts";
import { neededNodes, readsOf } from "../graph/reads.ts";
import type { Tensor } from "../graph/tensor.ts";

export interface SplitStep {
  readonly outside: readonly AnyNode[];
  readonly inside: readonly AnyNode[];
  /** The constants that each side reads; what both read lies outside. */
  readonly outsideConstants: ReadonlyMap<string, Tensor>;
  readonly insideConstants: ReadonlyMap<string, Tensor>;
  /** Names that the nodes inside read. */
  readonly read: ReadonlySet<string>;
}

/** @param given  names of values from outside that are the same in every step, besides the constants */
export function splitConstant(
  nodes: readonly AnyNode[],
  constants: ReadonlyMap<string, Tensor>,
  outputs: readonly string[],
  given: ReadonlySet<string> = new Set(),
): SplitStep {
  const needed = neededNodes(nodes, outputs);
  const fixed = new Set([...constants.keys(), ...given]);
  const kept = new Set(outputs); // an output is made inside, whatever it is made of
  const outside: AnyNode[] = [];
  const inside: AnyNode[] = [];
  for (const node of needed) {
    const isFixed = readsOf(node).every((name) => name === "" || fixed.has(name));
    if (isFixed && !node.outputs.some((name) => kept.has(name))) {
      outside.push(node);
      for (const name of node.outputs) fixed.add(name);
    } else inside.push(node);
  }
  const readOutside = new Set(outside.flatMap(readsOf));
  const read = new Set([...inside.flatMap(readsOf), ...outputs]);
  const pick = (test: (name: string) => boolean) => new Map([...constants].filter(([name]) => test(name)));
  return {
    outside,
    inside,
    outsideConstants: pick((name) => readOutside.has(name)),
    insideConstants: pick((name) => read.has(name) && !readOutside.has(name)),
    read,
  };
}
