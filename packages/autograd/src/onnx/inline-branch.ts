/** An If whose condition is known before the run: the branch it takes, in its place. */
import { create } from "@bufbuild/protobuf";
import type { AnyNode } from "../graph/graph.ts";
import { type GraphProto, GraphProtoSchema, type NodeProto, NodeProtoSchema } from "./onnx_pb.ts";
import { sortNodes } from "./order.ts";
import { addNode, addTensorTo, freshName, illegal, knownInts, type ReadScope } from "./read-scope.ts";
import { readTensor } from "./tensors.ts";

/** False where the condition is not known. */
export function inlineBranch(
  proto: NodeProto,
  name: string,
  scope: ReadScope,
  readNode: (node: NodeProto, scope: ReadScope) => void,
): boolean {
  const condition = knownInts(proto.input[0] ?? "", scope)?.[0];
  if (condition === undefined) return false;
  const taken = condition === 0 ? "else_branch" : "then_branch";
  const branch = proto.attribute.find((attribute) => attribute.name === taken)?.g;
  if (branch === undefined || branch.output.length < proto.output.length)
    throw illegal(`node "${name}" (If) has no ${taken} with its outputs`);
  // Two branches may use one name: each of a branch's own names is made new.
  const own = new Map<string, string>();
  const rename = (inner: string) => {
    if (inner !== "") own.set(inner, freshName(`${name}/${inner}`, scope));
  };
  for (const tensor of branch.initializer) rename(tensor.name);
  for (const node of branch.node) node.output.forEach(rename);
  for (const tensor of branch.initializer)
    addTensorTo(scope, own.get(tensor.name) ?? tensor.name, readTensor(tensor, tensor.name), "parameter");
  for (const node of sortNodes(branch.node)) readNode(renamed(node, own), scope);
  proto.output.forEach((output, i) => {
    if (output === "") return;
    const inner = branch.output[i]?.name ?? "";
    const value = own.get(inner) ?? inner;
    if (!scope.inference.types.has(value))
      throw illegal(`nothing makes the output "${inner}" of node "${name}"`);
    // SAFETY: a node of that operator.
    const copy = {
      op: "Identity",
      name: output,
      inputs: [value],
      outputs: [output],
      attributes: {},
    } as AnyNode;
    addNode({ ...copy, name: nodeNameOf(output, scope) }, scope);
  });
  return true;
}

function nodeNameOf(wanted: string, scope: ReadScope): string {
  let name = wanted;
  for (let i = 1; scope.nodeNames.has(name); i++) name = `${wanted}:${i}`;
  scope.nodeNames.add(name);
  return name;
}

function renamed(node: NodeProto, own: ReadonlyMap<string, string>): NodeProto {
  const nameOf = (inner: string) => own.get(inner) ?? inner;
  return create(NodeProtoSchema, {
    ...node,
    input: node.input.map(nameOf),
    output: node.output.map(nameOf),
    attribute: node.attribute.map((attribute) =>
      attribute.g === undefined ? attribute : { ...attribute, g: renamedBody(attribute.g, own) },
    ),
  });
}

/** A body inside reads the branch's values; what it makes itself hides them. */
function renamedBody(body: GraphProto, own: ReadonlyMap<string, string>): GraphProto {
  const hidden = new Set([
    ...body.input.map(({ name }) => name),
    ...body.initializer.map(({ name }) => name),
    ...body.node.flatMap(({ output }) => output),
  ]);
  const visible = new Map([...own].filter(([name]) => !hidden.has(name)));
  return create(GraphProtoSchema, {
    ...body,
    node: body.node.map((node) => renamed(node, visible)),
    output: body.output.map((value) => ({ ...value, name: visible.get(value.name) ?? value.name })),
  });
}
