/**
 * A call of a function that the model defines itself: the function's nodes in its place.
 *
 * PyTorch's newer exporter keeps operators of its own as functions, jax2onnx the modules of a model.
 * SOURCE: https://onnx.ai/onnx/repo-docs/IR.html#functions
 */
import { create } from "@bufbuild/protobuf";
import { LIMITS } from "@pingo/core";
import { inlineBody, nameResults, type ReadNode } from "./inline-body.ts";
import {
  type AttributeProto,
  AttributeProtoSchema,
  type FunctionProto,
  GraphProtoSchema,
  type NodeProto,
  NodeProtoSchema,
} from "./onnx_pb.ts";
import { illegal, type ReadScope, unsupported } from "./read-scope.ts";

export type Functions = ReadonlyMap<string, FunctionProto>;

/** @throws {ModelError} MODEL_ILLEGAL where two have one name */
export function functionsOf(functions: readonly FunctionProto[]): Functions {
  const byName = new Map<string, FunctionProto>();
  for (const one of functions) {
    const key = keyOf(one.domain, one.name, one.overload);
    if (byName.has(key)) throw illegal(`the function "${one.name}" of ${one.domain} is defined twice`);
    byName.set(key, one);
  }
  return byName;
}

export function functionOf({ domain, opType, overload }: NodeProto, { functions }: ReadScope) {
  return functions.get(keyOf(domain, opType, overload));
}

function keyOf(domain: string, name: string, overload: string): string {
  return JSON.stringify([domain, name, overload]);
}

export function inlineFunction(
  proto: NodeProto,
  name: string,
  callee: FunctionProto,
  scope: ReadScope,
  readNode: ReadNode,
): void {
  const { opType } = proto;
  if (scope.callDepth >= LIMITS.modelFunctionDepthMax)
    throw unsupported(
      opType,
      name,
      `its functions call each other more than ${LIMITS.modelFunctionDepthMax} deep; export the model without functions`,
    );
  if (proto.input.length > callee.input.length || proto.output.length > callee.output.length)
    throw illegal(`node "${name}" (${opType}) has more inputs or outputs than the function it calls`);
  const opset = callee.opsetImport.find(({ domain }) => domain === "" || domain === "ai.onnx")?.version;
  const inside: ReadScope = {
    ...scope,
    callDepth: scope.callDepth + 1,
    // What the model says counts where the function says nothing.
    opset: opset === undefined ? scope.opset : Number(opset),
  };
  const given = new Map(callee.input.map((input, i): [string, string] => [input, proto.input[i] ?? ""]));
  checkClosed(callee);
  const attributes = attributesOfCall(proto, callee);
  const node = callee.node.map((inner) => withAttributes(inner, attributes));
  const body = { node, outputs: callee.output };
  nameResults(proto, inlineBody(body, given, name, inside, readNode), scope);
}

/** A function sees its inputs and nothing else. */
function checkClosed({ name, input, output, node }: FunctionProto): void {
  const own = new Set([...input, ...node.flatMap((inner) => inner.output), ""]);
  const stranger = [...node.flatMap((inner) => inner.input), ...output].find((inner) => !own.has(inner));
  if (stranger !== undefined)
    throw illegal(`the function "${name}" reads "${stranger}", which nothing in it makes`);
}

/** What the call says, and the function's defaults for the rest. */
function attributesOfCall(proto: NodeProto, callee: FunctionProto): ReadonlyMap<string, AttributeProto> {
  return new Map([...callee.attributeProto, ...proto.attribute].map((one) => [one.name, one]));
}

/** With the attributes that refer to the call's in their place; one that the call leaves out is left out here too. */
function withAttributes(node: NodeProto, values: ReadonlyMap<string, AttributeProto>): NodeProto {
  if (node.attribute.every(({ refAttrName, g }) => refAttrName === "" && g === undefined)) return node;
  const attribute = node.attribute.flatMap((one): AttributeProto[] => {
    if (one.refAttrName !== "") {
      const value = values.get(one.refAttrName);
      return value === undefined ? [] : [create(AttributeProtoSchema, { ...value, name: one.name })];
    }
    if (one.g === undefined) return [one];
    const inner = one.g.node.map((each) => withAttributes(each, values));
    return [create(AttributeProtoSchema, { ...one, g: create(GraphProtoSchema, { ...one.g, node: inner }) })];
  });
  return create(NodeProtoSchema, { ...node, attribute });
}
