/** Graph → ONNX file that stock ONNX Runtime runs. */
import { create, toBinary } from "@bufbuild/protobuf";
import { type AnyNode, CANONICAL_OPSET, type Graph, type GraphValue } from "../graph/graph.ts";
import type { AttributeSpec, AttributeValue } from "../graph/ops/spec.ts";
import { OPS } from "../graph/ops.ts";
import type { Tensor } from "../graph/tensor.ts";
import { writeAttribute } from "./attributes.ts";
import {
  type GraphProto,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "./onnx_pb.ts";
import { dtypeNumber, writeTensor } from "./tensors.ts";

/** The first IR version that has opset 21. SOURCE: ONNX Versioning.md */
const IR_VERSION = 10n;

/** `readModel` of the bytes gives the graph back. */
export function writeModel(graph: Graph): Uint8Array {
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: IR_VERSION,
      producerName: "pingo",
      opsetImport: [{ domain: "", version: BigInt(opsetOf(graph)) }],
      graph: writeGraph(graph),
    }),
  );
}

/** The canonical one, or the first that has every operator: what the others mean has not changed since. */
function opsetOf({ nodes }: Graph): number {
  const each = nodes.map((node) =>
    Math.max(OPS[node.op].since ?? 0, node.op === "Scan" ? opsetOf(node.attributes.body) : 0),
  );
  return each.reduce((newest, opset) => Math.max(newest, opset), CANONICAL_OPSET);
}

function writeGraph(graph: Graph): GraphProto {
  const { initializers, constants = new Set() } = graph;
  const state = [...initializers].filter(([name]) => !constants.has(name));
  const made = [...initializers].filter(([name]) => constants.has(name));
  return create(GraphProtoSchema, {
    name: graph.name,
    input: graph.inputs.map(writeValue),
    output: graph.outputs.map(writeValue),
    initializer: state.map(([name, tensor]) => writeTensor(tensor, name)),
    node: [...made.map(writeConstant), ...graph.nodes.map(writeNode)],
  });
}

function writeConstant([name, tensor]: readonly [string, Tensor]): NodeProto {
  const value = writeAttribute("value", "tensor", tensor, writeGraph);
  return create(NodeProtoSchema, { opType: "Constant", output: [name], attribute: [value] });
}

function writeValue({ name, type }: GraphValue): ValueInfoProto {
  const dim = type.shape.map((size) =>
    typeof size === "number"
      ? { value: { case: "dimValue" as const, value: BigInt(size) } }
      : { value: { case: "dimParam" as const, value: size } },
  );
  const tensorType = { elemType: dtypeNumber(type.dtype), shape: { dim } };
  return create(ValueInfoProtoSchema, { name, type: { value: { case: "tensorType", value: tensorType } } });
}

function writeNode(node: AnyNode): NodeProto {
  const specs: Readonly<Record<string, AttributeSpec<AttributeValue>>> = OPS[node.op].attributes;
  const values = new Map<string, AttributeValue | undefined>(Object.entries(node.attributes));
  const attribute = Object.entries(specs).flatMap(([name, { kind }]) => {
    const value = values.get(name);
    return value === undefined ? [] : [writeAttribute(name, kind, value, writeGraph)];
  });
  return create(NodeProtoSchema, {
    opType: node.op,
    name: node.name,
    input: [...node.inputs],
    output: [...node.outputs],
    attribute,
  });
}
