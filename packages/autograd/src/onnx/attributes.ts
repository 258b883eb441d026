/** Attributes of a node as ONNX writes them, by the kind that the op table says they have. */
import { create } from "@bufbuild/protobuf";
import type { Graph } from "../graph/graph.ts";
import type { AttributeKind, AttributeValue } from "../graph/ops/spec.ts";
import type { DType, Tensor } from "../graph/tensor.ts";
import { ModelError } from "./fault.ts";
import { type AttributeProto, AttributeProtoSchema, type GraphProto } from "./onnx_pb.ts";
import { dtypeNumber, parseDType, readTensor, writeTensor } from "./tensors.ts";

/** SOURCE: AttributeProto.AttributeType of the ONNX IR specification. */
const TYPE_NUMBER: { readonly [K in AttributeKind]: number } = {
  float: 1,
  int: 2,
  dtype: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  floats: 6,
  ints: 7,
  strings: 8,
};

/** Graphs are read by the caller, who knows what is in scope. */
export function readAttribute(
  proto: AttributeProto,
  kind: AttributeKind,
  node: string,
  readGraph: (proto: GraphProto) => Graph,
): AttributeValue {
  const refuse = (why: string) =>
    new ModelError({ code: "MODEL_ILLEGAL", why: `attribute ${proto.name} of node "${node}" ${why}` });
  if (proto.refAttrName !== "") throw refuse("refers to an attribute of a function");
  if (proto.type !== TYPE_NUMBER[kind]) throw refuse(`must be of kind ${kind}`);
  switch (kind) {
    case "int":
      return clamped(proto.i ?? 0n);
    case "float":
      return proto.f ?? 0;
    case "string":
      return new TextDecoder().decode(proto.s ?? new Uint8Array());
    case "dtype":
      return parseDType(Number(proto.i ?? 0n), `${node}.${proto.name}`);
    case "floats":
      return proto.floats;
    case "ints":
      return proto.ints.map(clamped);
    case "strings":
      return proto.strings.map((bytes) => new TextDecoder().decode(bytes));
    case "tensor":
      if (proto.t === undefined) throw refuse("holds no tensor");
      return readTensor(proto.t, `${node}.${proto.name}`);
    case "graph":
      if (proto.g === undefined) throw refuse("holds no graph");
      return readGraph(proto.g);
  }
}

export function writeAttribute(
  name: string,
  kind: AttributeKind,
  value: AttributeValue,
  writeGraph: (graph: Graph) => GraphProto,
): AttributeProto {
  return create(AttributeProtoSchema, { name, type: TYPE_NUMBER[kind], ...written(kind, value, writeGraph) });
}

function written(kind: AttributeKind, value: AttributeValue, writeGraph: (graph: Graph) => GraphProto) {
  // SAFETY: the op table pairs every attribute's kind with the TypeScript type of its value (AttributeSpec).
  switch (kind) {
    case "int":
      return { i: BigInt(value as number) };
    case "float":
      return { f: value as number };
    case "string":
      return { s: new TextEncoder().encode(value as string) };
    case "dtype":
      return { i: BigInt(dtypeNumber(value as DType)) };
    case "floats":
      return { floats: [...(value as readonly number[])] };
    case "strings":
      return { strings: (value as readonly string[]).map((word) => new TextEncoder().encode(word)) };
    case "ints":
      return { ints: (value as readonly number[]).map(BigInt) };
    case "tensor":
      return { t: writeTensor(value as Tensor, "") };
    case "graph":
      return { g: writeGraph(value as Graph) };
  }
}

/** Bounds such as INT64_MAX stand for "as far as it goes". */
function clamped(value: bigint): number {
  const max = BigInt(Number.MAX_SAFE_INTEGER);
  return Number(value > max ? max : value < -max ? -max : value);
}
