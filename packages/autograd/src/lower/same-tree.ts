/** Whether two values are made in the same way, node by node, from the same ones. */
import type { AnyNode } from "../graph/graph.ts";
import type { Tensor } from "../graph/tensor.ts";

export type Makers = ReadonlyMap<string, AnyNode>;

export interface Tree {
  readonly name: string;
  readonly makers: Makers;
  readonly constants: ReadonlyMap<string, Tensor>;
}

/** @param leaves  where both end: the same name is the same value */
export function isSameTree(a: Tree, b: Tree, leaves: ReadonlySet<string>): boolean {
  // A value that many read is compared once.
  const seen = new Map<string, string>();
  const isSame = (left: string, right: string): boolean => {
    if (leaves.has(right) || right === "") return left === right;
    if (seen.has(right)) return seen.get(right) === left;
    seen.set(right, left);
    const constant = b.constants.get(right);
    if (constant !== undefined) return isSameTensor(a.constants.get(left), constant);
    const [one, other] = [a.makers.get(left), b.makers.get(right)];
    if (one === undefined || other === undefined || one.op !== other.op) return false;
    return (
      one.inputs.length === other.inputs.length &&
      one.outputs.indexOf(left) === other.outputs.indexOf(right) &&
      JSON.stringify(Object.entries(one.attributes).sort()) ===
        JSON.stringify(Object.entries(other.attributes).sort()) &&
      other.inputs.every((input, i) => isSame(one.inputs[i] ?? "", input))
    );
  };
  return isSame(a.name, b.name);
}

function isSameTensor(a: Tensor | undefined, b: Tensor): boolean {
  if (a === undefined || a.dtype !== b.dtype || a.shape.join() !== b.shape.join()) return false;
  return a.data.length === b.data.length && b.data.every((value, i) => Object.is(a.data[i], value));
}
