/** Graph → ONNX file that stock ONNX Runtime runs. */
import { create, toBinary } from "@bufbuild/protobuf";
import { type AnyNode, CANONICAL_OPSET, type Graph, type GraphValue } from "../graph/graph.ts";
import { type Inference, inferNode, startInference } from "../graph/infer.ts";
import type { AttributeSpec, AttributeValue } from "../graph/ops/spec.ts";
import { OPS } from "../graph/ops.ts";
import type { Tensor } from "../graph/tensor.ts";
import { type ForeignNode, type LoweredNode, type Lowering, lowerGraph } from "../lower/lowering.ts";
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
import { writeHalves } from "./write-halves.ts";

/** The first IR version that has opset 21. SOURCE: ONNX Versioning.md */
const IR_VERSION = 10n;

/** Versions of the domains that lowering knows. */
const FOREIGN_DOMAINS: readonly string[] = ["com.microsoft.nchwc"];

/** `readModel` of the bytes gives the graph back, unless it is lowered. */
export function writeModel(graph: Graph, lowerings: readonly Lowering[] = []): Uint8Array {
  const domains = ["", ...(lowerings.length === 0 ? [] : FOREIGN_DOMAINS)];
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: IR_VERSION,
      producerName: "pingo",
      opsetImport: domains.map((domain) => ({
        domain,
        version: BigInt(domain === "" ? opsetOf(graph) : 1),
      })),
      graph: lowerings.length === 0 ? writeWhole(graph) : writeLowered(graph, lowerings),
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

/** With casts where the file is to hold 16 bits and the nodes compute in 32. */
function writeWhole(graph: Graph): GraphProto {
  const { halves } = graph;
  return halves === undefined || halves.size === 0
    ? writeGraph(graph)
    : writeHalves(graph, halves, writeGraph);
}

type WriteGraph = (graph: Graph) => GraphProto;

function writeGraph(graph: Graph): GraphProto {
  return writeParts(graph, graph.nodes, graph.initializers, writeGraph);
}

/** What a body reads of the graphs around it. */
interface Surroundings {
  readonly inference: Inference;
  readonly initializers: Graph["initializers"];
}

function writeLowered(graph: Graph, lowerings: readonly Lowering[], outer?: Surroundings): GraphProto {
  const inference = startInference(graph, new Map(), outer?.inference);
  const visible = new Map([...(outer?.initializers ?? []), ...graph.initializers]);
  for (const node of graph.nodes) inferNode(node, inference);
  const lowered = lowerGraph({ ...graph, initializers: visible }, inference.types, lowerings);
  const initializers = new Map([...graph.initializers, ...lowered.constants]);
  return writeParts(graph, lowered.nodes, initializers, (body) =>
    writeLowered(body, lowerings, { inference, initializers: visible }),
  );
}

function writeParts(
  { name, inputs, outputs, constants = new Set() }: Graph,
  nodes: readonly LoweredNode[],
  initializers: Graph["initializers"],
  writeBody: WriteGraph,
): GraphProto {
  const state = [...initializers].filter(([key]) => !constants.has(key));
  const made = [...initializers].filter(([key]) => constants.has(key));
  const written = nodes.map((node) => ("foreign" in node ? writeForeign(node) : writeNode(node, writeBody)));
  return create(GraphProtoSchema, {
    name,
    input: inputs.map(writeValue),
    output: outputs.map(writeValue),
    initializer: state.map(([key, tensor]) => writeTensor(tensor, key)),
    node: [...made.map(writeConstant), ...written],
  });
}

function writeForeign({ foreign, domain, name, inputs, outputs, attributes }: ForeignNode): NodeProto {
  const attribute = Object.entries(attributes).map(([key, value]) => {
    const kind = typeof value === "number" ? "int" : typeof value === "string" ? "string" : "ints";
    return writeAttribute(key, kind, value, writeGraph);
  });
  return create(NodeProtoSchema, {
    opType: foreign,
    domain,
    name,
    input: [...inputs],
    output: [...outputs],
    attribute,
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

function writeNode(node: AnyNode, writeBody: WriteGraph): NodeProto {
  const specs: Readonly<Record<string, AttributeSpec<AttributeValue>>> = OPS[node.op].attributes;
  const values = new Map<string, AttributeValue | undefined>(Object.entries(node.attributes));
  const attribute = Object.entries(specs).flatMap(([name, { kind }]) => {
    const value = values.get(name);
    return value === undefined ? [] : [writeAttribute(name, kind, value, writeBody)];
  });
  return create(NodeProtoSchema, {
    opType: node.op,
    name: node.name,
    input: [...node.inputs],
    output: [...node.outputs],
    attribute,
  });
}
