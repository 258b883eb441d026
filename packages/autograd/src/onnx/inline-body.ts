/**
 * The nodes of a body in the place of the node that holds or names it: a branch, a turn of a loop, a function.
 *
 * A few bytes of file can ask for any number of copies, so all that is written out counts against one budget.
 */
import { create } from "@bufbuild/protobuf";
import { assertDefined } from "@pingo/core";
import type { AnyNode } from "../graph/graph.ts";
import {
  type AttributeProto,
  type GraphProto,
  GraphProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
} from "./onnx_pb.ts";
import { sortNodes } from "./order.ts";
import { addNode, addTensorTo, freshName, illegal, type ReadScope, spend } from "./read-scope.ts";
import { readTensor } from "./tensors.ts";

export type ReadNode = (node: NodeProto, scope: ReadScope) => void;

export interface Body {
  readonly node: readonly NodeProto[];
  readonly outputs: readonly string[];
}

/** What a name of the body is called outside; undefined for one that is not the body's own. */
type NameOf = (inner: string) => string | undefined;

/** Initializers of a body: made once, however often its nodes are written out. */
export function addInitializers(
  tensors: readonly TensorProto[],
  name: string,
  scope: ReadScope,
): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const tensor of tensors) {
    const own = freshName(`${name}/${tensor.name}`, scope);
    names.set(tensor.name, addTensorTo(scope, own, readTensor(tensor, tensor.name), "parameter"));
  }
  return names;
}

/**
 * Reads the body's nodes under names of their own.
 *
 * @param given  names that stand for something outside: inputs, initializers
 * @returns what the outputs are called
 */
export function inlineBody(
  body: Body,
  given: ReadonlyMap<string, string>,
  name: string,
  scope: ReadScope,
  readNode: ReadNode,
): readonly string[] {
  spendBody(body, name, scope);
  const own = new Map(given);
  for (const node of body.node) {
    for (const inner of node.output) if (inner !== "") own.set(inner, freshName(`${name}/${inner}`, scope));
  }
  const nameOf: NameOf = (inner) => own.get(inner);
  for (const node of sortNodes(body.node)) readNode(renamed(node, nameOf, `${name}/`), scope);
  return body.outputs.map((inner) => own.get(inner) ?? inner);
}

/** Gives the results of what was written out the names that the node's outputs have. */
export function nameResults(proto: NodeProto, results: readonly string[], scope: ReadScope): void {
  proto.output.forEach((output, i) => {
    if (output === "") return;
    const value = results[i] ?? "";
    if (!scope.inference.types.has(value))
      throw illegal(`nothing makes the output "${output}" of node "${proto.name}" (${proto.opType})`);
    // SAFETY: a node of that operator.
    const copy = { op: "Identity", name: "", inputs: [value], outputs: [output], attributes: {} } as AnyNode;
    addNode({ ...copy, name: nodeNameOf(output, scope) }, scope);
  });
}

function nodeNameOf(wanted: string, scope: ReadScope): string {
  let name = wanted;
  for (let i = 1; scope.nodeNames.has(name); i++) name = `${wanted}:${i}`;
  scope.nodeNames.add(name);
  return name;
}

const sizeByNodes = new WeakMap<readonly NodeProto[], number>();

function spendBody({ node }: Body, name: string, scope: ReadScope): void {
  const bytes = sizeByNodes.get(node) ?? sizeOfNodes(node);
  sizeByNodes.set(node, bytes);
  spend({ nodes: Math.max(1, node.length), bytes: bytes + name.length * node.length }, scope);
}

function sizeOfNodes(nodes: readonly NodeProto[]): number {
  return nodes.reduce((total, { name, input, output, attribute }) => {
    const names = [name, ...input, ...output].reduce((sum, { length }) => sum + length, 0);
    return attribute.reduce((sum, each) => sum + sizeOfAttribute(each), total + names);
  }, 0);
}

function sizeOfAttribute({ s, t, g, floats, ints, strings }: AttributeProto): number {
  const texts = strings.reduce((sum, { length }) => sum + length, s?.length ?? 0);
  const graph = g === undefined ? 0 : sizeOfNodes(g.node) + g.initializer.reduce(addTensorSize, 0);
  return texts + graph + 8 * (floats.length + ints.length) + (t === undefined ? 0 : addTensorSize(0, t));
}

function addTensorSize(sum: number, { rawData, ...tensor }: TensorProto): number {
  const { floatData, doubleData, int32Data, int64Data } = tensor;
  const numbers = floatData.length + doubleData.length + int32Data.length + int64Data.length;
  return sum + (rawData?.length ?? 0) + 8 * numbers;
}

function renamed(node: NodeProto, nameOf: NameOf, prefix: string): NodeProto {
  const outside = (inner: string) => (inner === "" ? "" : (nameOf(inner) ?? inner));
  return create(NodeProtoSchema, {
    ...node,
    name: node.name === "" ? "" : prefix + node.name,
    input: node.input.map(outside),
    output: node.output.map((inner) => (inner === "" ? "" : assertDefined(nameOf(inner), inner))),
    attribute: node.attribute.map((attribute) =>
      attribute.g === undefined ? attribute : { ...attribute, g: renamedBody(attribute.g, nameOf) },
    ),
  });
}

/** A body inside reads the values around it; what it makes itself hides them. */
function renamedBody(body: GraphProto, nameOf: NameOf): GraphProto {
  const hidden = new Set([
    ...body.input.map(({ name }) => name),
    ...body.initializer.map(({ name }) => name),
    ...body.node.flatMap(({ output }) => output),
  ]);
  const visible: NameOf = (inner) => (hidden.has(inner) ? inner : nameOf(inner));
  return create(GraphProtoSchema, {
    ...body,
    node: body.node.map((node) => renamed(node, visible, "")),
    output: body.output.map((value) => ({ ...value, name: visible(value.name) ?? value.name })),
  });
}
