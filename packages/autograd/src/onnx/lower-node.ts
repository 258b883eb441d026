/** Plain nodes in place of a fused one, in the graph being read. */
import { create } from "@bufbuild/protobuf";
import type { AnyNode } from "../graph/graph.ts";
import { isOpKind, type OpKind } from "../graph/ops.ts";
import { type Lowering, type LoweringScope, LoweringSite } from "./lowering/lowering-site.ts";
import { type AttributeProto, type NodeProto, NodeProtoSchema } from "./onnx_pb.ts";
import { addNode, addTensorTo, freshName, knownInts, type ReadScope, unsupported } from "./read-scope.ts";

export interface FusedProto {
  readonly proto: NodeProto;
  readonly name: string;
  readonly attributes: ReadonlyMap<string, AttributeProto>;
  readonly lowering: Lowering;
  /** Reads a node of the standard domain. */
  readonly canonical: (op: OpKind, proto: NodeProto, name: string) => AnyNode;
}

/** The plain nodes make the values that the fused one would have made, under its names. */
export function lowerNode(
  { proto, name, attributes, lowering, canonical }: FusedProto,
  scope: ReadScope,
): void {
  const first = scope.nodes.length;
  const add = (op: string, make: (name: string, output: string) => AnyNode): string => {
    const output = freshName(`${name}/${op}`, scope);
    scope.made.add(output);
    scope.nodeNames.add(output);
    addNode(make(output, output), scope);
    return output;
  };
  const lowered: LoweringScope = {
    typeOf: (value) => scope.inference.types.get(value),
    knownInts: (value) => knownInts(value, scope),
    emit: (op, inputs, attributes) =>
      // SAFETY: AnyNode is the union of GraphNode<K> over all K.
      add(
        op,
        (node, output) => ({ op, name: node, inputs, outputs: [output], attributes }) as unknown as AnyNode,
      ),
    emitStandard: (opType, inputs, attributes) =>
      add(opType, (node, output) => {
        if (!isOpKind(opType)) throw unsupported(opType, name, "the engine has no rules for it");
        const plain = create(NodeProtoSchema, {
          opType,
          input: [...inputs],
          output: [output],
          attribute: [...attributes],
        });
        return canonical(opType, plain, node);
      }),
    addTensor: (wanted, tensor, role) =>
      addTensorTo(scope, freshName(role === "constant" ? `${name}/${wanted}` : wanted, scope), tensor, role),
  };
  const site = new LoweringSite(
    {
      op: proto.opType,
      name,
      inputs: proto.input,
      outputs: proto.output,
      attributes,
    },
    lowered,
  );
  const results = lowering(site);
  site.finish();
  const renamed = new Map<string, string>();
  proto.output.forEach((output, i) => {
    if (output === "") return;
    const value = results[i];
    if (value === undefined) throw unsupported(proto.opType, name, `its output ${i} is not made here`);
    const isOwn = scope.nodes.slice(first).some(({ outputs }) => outputs.includes(value));
    if (isOwn && !renamed.has(value)) renamed.set(value, output);
    // SAFETY: as above.
    else
      addNode(
        { op: "Identity", name: output, inputs: [value], outputs: [output], attributes: {} } as AnyNode,
        scope,
      );
  });
  renameMade(renamed, first, scope);
}

function renameMade(renamed: ReadonlyMap<string, string>, first: number, scope: ReadScope): void {
  const { types, known } = scope.inference;
  const nameOf = (name: string) => renamed.get(name) ?? name;
  for (const [from, to] of renamed) {
    const [type, value] = [types.get(from), known.get(from)];
    if (type !== undefined) types.set(to, type);
    if (value !== undefined) known.set(to, value);
    types.delete(from);
    known.delete(from);
  }
  scope.nodes.splice(
    first,
    Number.POSITIVE_INFINITY,
    // SAFETY: the same nodes under other names of values.
    ...scope.nodes
      .slice(first)
      .map(
        (node) =>
          ({ ...node, inputs: node.inputs.map(nameOf), outputs: node.outputs.map(nameOf) }) as AnyNode,
      ),
  );
}
