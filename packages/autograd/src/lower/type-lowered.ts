/**
 * Types of what a lowering made, for who plans its memory.
 *
 * The values that the graph had keep theirs; of the foreign operators each is typed by what it does to a picture.
 */
import { assert } from "@pingo/core";
import type { AnyNode } from "../graph/graph.ts";
import { addTensor, type Inference, inferNode } from "../graph/infer.ts";
import type { TensorType } from "../graph/tensor.ts";
import { type ForeignNode, isPlain, type Lowered } from "./lowering.ts";

/** @param inference  of the graph as it was; gets the types of the lowered one's values besides */
export function typeLowered({ nodes, constants }: Lowered, inference: Inference): void {
  for (const [name, tensor] of constants) addTensor(inference, name, tensor, "constant");
  for (const node of nodes) {
    if (node.outputs.every((name) => name === "" || inference.types.has(name))) continue;
    if (isPlain(node)) inferNode(node, inference);
    else typeForeign(node, inference);
  }
}

function typeForeign(node: ForeignNode, inference: Inference): void {
  const [name = ""] = node.outputs;
  const given = inference.types.get(node.inputs[0] ?? "");
  assert(given !== undefined, `what "${node.name}" reads is typed`);
  inference.types.set(name, foreignType(node, given, inference));
}

function foreignType(node: ForeignNode, picture: TensorType, inference: Inference): TensorType {
  switch (node.foreign) {
    case "ReorderInput":
      return picture; // its channels are whole blocks
    case "ReorderOutput":
      return { ...picture, shape: picture.shape.with(1, Number(node.attributes["channels"])) };
    default: {
      assert(node.foreign === "Conv", `${node.domain} has "${node.foreign}"`);
      const { activation: _, ...attributes } = node.attributes;
      // SAFETY: but for the activation its attributes are those of Conv, as blocked-convolution.ts writes them.
      const plain = { ...node, op: "Conv", attributes } as unknown as AnyNode;
      inferNode(plain, inference);
      const type = inference.types.get(node.outputs[0] ?? "");
      assert(type !== undefined, `"${node.name}" was typed`);
      return type;
    }
  }
}
