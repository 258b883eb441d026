/** Products and sums of a train step's matrix work, two for each pair: products of matrices and convolutions. */
import { type AnyNode, type Graph, inferTypes, type TypeByValue } from "@pingo/autograd";
import { assertDefined } from "@pingo/core";

/** Forward once, backward once for each operand that something trained stands behind. */
export function stepFlops(model: Graph, batchSize: number): number {
  const types = inferTypes(model, new Map([["batch", batchSize]]));
  const trained = new Set([...model.initializers.keys()].filter((name) => !model.constants?.has(name)));
  let flops = 0;
  for (const node of model.nodes) {
    const behind = node.inputs.map((name) => trained.has(name));
    if (behind.includes(true)) for (const name of node.outputs) trained.add(name);
    flops += forwardFlops(node, types) * (1 + Number(behind[0] === true) + Number(behind[1] === true));
  }
  return flops;
}

function forwardFlops(node: AnyNode, types: TypeByValue): number {
  const size = (name: string | undefined) => shapeOf(types, name).reduce((product, dim) => product * dim, 1);
  const output = size(node.outputs[0]);
  switch (node.op) {
    case "MatMul":
      return 2 * output * (shapeOf(types, node.inputs[0]).at(-1) ?? 1);
    case "Gemm":
      return 2 * output * (shapeOf(types, node.inputs[0])[node.attributes.transA === 1 ? 0 : 1] ?? 1);
    case "Conv":
      return (2 * output * size(node.inputs[1])) / (shapeOf(types, node.inputs[1])[0] ?? 1);
    default:
      return 0;
  }
}

function shapeOf(types: TypeByValue, name = ""): readonly number[] {
  return assertDefined(types.get(name), name).shape.map(Number);
}
