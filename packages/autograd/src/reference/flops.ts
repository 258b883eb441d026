/** What nodes cost, counted in multiplications and additions. */
import { parseEinsum } from "../graph/einsum.ts";
import type { AnyNode, TypeByValue } from "../graph/graph.ts";
import { isStatic, sizeOfShape } from "../graph/shape.ts";

/** Products and sums of the products' operators; one per element made of all others. */
export function flopsOf(node: AnyNode, types: TypeByValue): number {
  const shape = (i: number) => (types.get(node.inputs[i] ?? "")?.shape ?? []).map(Number);
  const made = sizeOf(types, node.outputs[0]);
  switch (node.op) {
    case "MatMul":
      return 2 * made * (shape(0).at(-1) ?? 1);
    case "Gemm":
      return 2 * made * (shape(0)[node.attributes.transA === 0 ? 1 : 0] ?? 1);
    case "Conv":
      return 2 * made * sizeOfShape(shape(1).slice(1));
    case "ConvTranspose":
      return 2 * sizeOf(types, node.inputs[0]) * sizeOfShape(shape(1).slice(1));
    case "RNN":
    case "GRU":
    case "LSTM": {
      const steps = sizeOfShape(shape(0).slice(0, 2));
      return 2 * steps * (sizeOf(types, node.inputs[1]) + sizeOf(types, node.inputs[2]));
    }
    case "Attention":
      return 2 * (shape(1).at(-2) ?? 1) * (sizeOf(types, node.inputs[0]) + made);
    case "Einsum": {
      const sizes = new Map<string, number>();
      const ranks = node.inputs.map((_, input) => shape(input).length);
      const equation = parseEinsum(node.attributes.equation, ranks);
      const terms = "why" in equation ? [] : equation.terms;
      terms.forEach((term, input) => {
        [...term].forEach((letter, axis) => {
          sizes.set(letter, shape(input)[axis] ?? 1);
        });
      });
      return 2 * sizeOfShape([...sizes.values()]);
    }
    default:
      return made;
  }
}

/** Elements of a value; 1 where a size stays open. */
export function sizeOf(types: TypeByValue, name: string | undefined): number {
  const shape = types.get(name ?? "")?.shape ?? [];
  return isStatic(shape) ? sizeOfShape(shape) : 1;
}
