/**
 * ONNX file → Graph, brought to the canonical opset, typed on the way.
 *
 * The file is a stranger's: it is scanned against LIMITS before anything is built, and whatever is wrong with it
 * ends in one coded fault.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { LIMITS } from "@pingo/core";
import type { AnyNode, Graph, GraphValue } from "../graph/graph.ts";
import { startInference } from "../graph/infer.ts";
import type { AttributeSpec, AttributeValue } from "../graph/ops/spec.ts";
import { isOpKind, OPS, type OpKind } from "../graph/ops.ts";
import { unifyShapes } from "../graph/shape.ts";
import type { Dim, HalfType, Tensor, TensorType } from "../graph/tensor.ts";
import { readAttribute } from "./attributes.ts";
import { deriveAttributes } from "./derive.ts";
import { ModelError } from "./fault.ts";
import { halfOf } from "./half.ts";
import { inlineBranch } from "./inline-branch.ts";
import { functionOf, functionsOf, inlineFunction } from "./inline-function.ts";
import { inlineLoop } from "./inline-loop.ts";
import { type Draft, liftDraft } from "./lift.ts";
import { lowerNode } from "./lower-node.ts";
import { isStandard, loweringOf, whyNotLowered } from "./lowering/lowerings.ts";
import {
  type AttributeProto,
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type ValueInfoProto,
} from "./onnx_pb.ts";
import { sortNodes } from "./order.ts";
import { addConstant, addNode, freshName, illegal, make, type ReadScope, unsupported } from "./read-scope.ts";
import { whyNotRead } from "./refusals.ts";
import { scanModel } from "./scan.ts";
import { parseDType, readTensor } from "./tensors.ts";

export const OPSET_MIN = 13;
export const OPSET_MAX = 23;

/** A longer name of a size is nobody's; it would only slow inference down. */
const DIM_NAME_CHARS_MAX = 64;

/**
 * @throws {ModelError} when the file is not one that we read, saying why
 * @throws {GraphError} when the shapes or element types inside it do not fit
 */
export function readModel(bytes: Uint8Array): Graph {
  scanModel(bytes);
  let model: ModelProto;
  try {
    model = fromBinary(ModelProtoSchema, bytes, { readUnknownFields: false, recursionLimit: 64 });
  } catch (cause) {
    throw new ModelError({ code: "MODEL_NOT_ONNX", why: "its protobuf is malformed" }, { cause });
  }
  if (model.graph === undefined) throw new ModelError({ code: "MODEL_NOT_ONNX", why: "it holds no graph" });
  const whole = { functions: functionsOf(model.functions), callDepth: 0, written: { nodes: 0, bytes: 0 } };
  return readGraph(model.graph, { ...whole, opset: opsetOf(model) }, undefined);
}

/** What counts in all graphs of a model. */
type Whole = Pick<ReadScope, "opset" | "functions" | "callDepth" | "written">;

function opsetOf(model: ModelProto): number {
  const opset = model.opsetImport.find(({ domain }) => domain === "" || domain === "ai.onnx")?.version;
  if (opset === undefined) throw new ModelError({ code: "MODEL_NOT_ONNX", why: "it names no opset" });
  if (opset < OPSET_MIN || opset > OPSET_MAX) {
    throw new ModelError({ code: "OPSET_UNSUPPORTED", opset: Number(opset), min: OPSET_MIN, max: OPSET_MAX });
  }
  return Number(opset);
}

/** @param given  of a body: the types of what goes in, which its own declarations may leave open */
function readGraph(
  proto: GraphProto,
  { opset, functions, callDepth, written }: Whole,
  outer: { readonly scope: ReadScope; readonly given: readonly TensorType[] } | undefined,
): Graph {
  if (proto.sparseInitializer.length > 0)
    throw illegal("it keeps constants as sparse tensors; make them dense");
  const made = new Set(outer?.scope.made);
  const initializers = new Map<string, Tensor>();
  for (const tensor of proto.initializer) {
    make(tensor.name, made, "an initializer");
    initializers.set(tensor.name, readTensor(tensor, tensor.name));
  }
  // Files of IR version 3 list the initializers among the inputs too.
  const inputs = proto.input
    .filter(({ name }) => !initializers.has(name))
    .map((value, i) => readInput(value, outer?.given[i]));
  for (const { name } of inputs) make(name, made, "an input");
  const start: Graph = { name: proto.name, inputs, outputs: [], initializers, nodes: [] };
  const inference = startInference(start, undefined, outer?.scope.inference);
  const constants = new Set<string>();
  const scope: ReadScope = {
    opset,
    inference,
    initializers,
    constants,
    nodes: [],
    nodeNames: new Set(),
    nextNumber: new Map(),
    made,
    functions,
    callDepth,
    written,
  };
  for (const node of sortNodes(proto.node)) readNode(node, scope);
  if (proto.output.length === 0 && outer === undefined) throw illegal("it has no output");
  const outputs = proto.output.map(({ name }): GraphValue => {
    const type = scope.made.has(name) ? inference.types.get(name) : undefined;
    if (type === undefined) throw illegal(`nothing makes the output "${name}"`);
    return { name, type };
  });
  const halves = outer === undefined ? halvesOf(proto) : new Map();
  return {
    name: proto.name,
    inputs,
    outputs,
    initializers,
    nodes: scope.nodes,
    ...(constants.size > 0 && { constants }),
    ...(halves.size > 0 && { halves }),
  };
}

function halvesOf({ input, output, initializer }: GraphProto): ReadonlyMap<string, HalfType> {
  const declared = [...input, ...output].map(({ name, type }): [string, number] => {
    return [name, type?.value.case === "tensorType" ? type.value.value.elemType : 0];
  });
  const kept = initializer.map(({ name, dataType }): [string, number] => [name, dataType]);
  return new Map(
    [...declared, ...kept].flatMap(([name, number]) => {
      const half = halfOf(number);
      return half === undefined ? [] : [[name, half] as const];
    }),
  );
}

function readInput({ name, type }: ValueInfoProto, given: TensorType | undefined): GraphValue {
  const tensorType = type?.value.case === "tensorType" ? type.value.value : undefined;
  const dims = tensorType?.shape?.dim;
  if (given !== undefined && (tensorType === undefined || dims === undefined)) return { name, type: given };
  if (tensorType === undefined) throw illegal(`the input "${name}" is not a tensor`);
  if (dims === undefined) throw illegal(`the input "${name}" has no shape`);
  if (dims.length > LIMITS.tensorRankMax)
    throw illegal(
      `the input "${name}" has ${dims.length} axes; at most ${LIMITS.tensorRankMax} are accepted`,
    );
  const dtype = parseDType(tensorType.elemType, name);
  const shape = dims.map((dim, i): Dim => {
    const size = dim.value.case === "dimValue" ? Number(dim.value.value) : dim.value.value;
    if (typeof size === "number" && size >= 0 && size <= LIMITS.tensorElementsMax) return size;
    return typeof size === "string" && size !== "" && size.length <= DIM_NAME_CHARS_MAX
      ? size
      : `${name}:${i}`;
  });
  if (given === undefined) return { name, type: { dtype, shape } };
  const unified = unifyShapes(shape, given.shape);
  if (unified === undefined || dtype !== given.dtype)
    throw illegal(`the body input "${name}" is declared as another type than it is given`);
  return { name, type: { dtype, shape: unified } };
}

function readNode(proto: NodeProto, scope: ReadScope): void {
  const isConstant = proto.opType === "Constant" && isStandard(proto.domain);
  // A Constant leaves no node behind, so its name is free.
  const name = isConstant ? proto.name || (proto.output[0] ?? "") : nodeName(proto, scope);
  for (const input of proto.input) {
    if (input !== "" && !scope.made.has(input))
      throw illegal(`node "${name}" (${proto.opType}) reads "${input}", which nothing before it makes`);
  }
  for (const output of proto.output)
    if (output !== "") make(output, scope.made, `an output of node "${name}"`);
  if (isConstant) {
    readConstant(proto, name, scope);
    return;
  }
  const { opType: op, domain } = proto;
  if (op === "If" && isStandard(domain)) {
    inlineBranch(proto, name, scope, readNode);
    return;
  }
  if (op === "Loop" && isStandard(domain)) {
    inlineLoop(proto, name, scope, readNode);
    return;
  }
  const lowering = loweringOf(proto, scope.opset);
  if (lowering !== undefined) {
    const attributes = attributesOf(proto, name);
    const canonical = (kind: OpKind, plain: NodeProto, node: string) =>
      canonicalNode(kind, draftOf(plain, node, scope), scope);
    lowerNode({ proto, name, attributes, lowering, canonical }, scope);
    return;
  }
  const callee = isStandard(domain) && isOpKind(op) ? undefined : functionOf(proto, scope);
  if (callee !== undefined) {
    inlineFunction(proto, name, callee, scope, readNode);
    return;
  }
  if (!isStandard(domain)) throw unsupported(op, name, whyNotLowered(domain, op));
  if (!isOpKind(op)) throw unsupported(op, name, whyNotRead(op));
  addNode(canonicalNode(op, draftOf(proto, name, scope), scope), scope);
}

function attributesOf(proto: NodeProto, name: string): Map<string, AttributeProto> {
  const attributes = new Map(proto.attribute.map((attribute) => [attribute.name, attribute]));
  if (attributes.size !== proto.attribute.length) throw illegal(`node "${name}" has an attribute twice`);
  return attributes;
}

/** The node's name; made up where there is none, or where another node has it already. */
function nodeName(proto: NodeProto, scope: ReadScope): string {
  let name = proto.name === "" ? `${proto.opType}_${scope.nodeNames.size}` : proto.name;
  // Counting goes on where it stopped: a model may hold the names that would be tried.
  let next = Math.max(scope.nodeNames.size, scope.nextNumber.get(proto.opType) ?? 0);
  while (scope.nodeNames.has(name)) name = `${proto.opType}_${next++}`;
  scope.nextNumber.set(proto.opType, next);
  scope.nodeNames.add(name);
  return name;
}

function draftOf(proto: NodeProto, name: string, scope: ReadScope): Draft {
  const attributes = attributesOf(proto, name);
  const draft: Draft = {
    op: proto.opType,
    name,
    opset: scope.opset,
    inputs: [...proto.input],
    outputs: [...proto.output],
    attributes,
    addInts: (values) => addConstant(freshName(`${name}:axes`, scope), intsTensor(values), scope),
    constantLength: (input) => scope.initializers.get(input)?.data.length,
  };
  liftDraft(draft);
  return draft;
}

function canonicalNode(op: OpKind, draft: Draft, scope: ReadScope): AnyNode {
  const { name, attributes } = draft;
  const autoPad = takeText(attributes, "auto_pad") ?? "NOTSET";
  const outputShape = op === "ConvTranspose" ? takeInts(attributes, "output_shape") : undefined;
  const specs: Readonly<Record<string, AttributeSpec<AttributeValue>>> = OPS[op].attributes;
  const values = new Map<string, AttributeValue>();
  for (const [attribute, spec] of Object.entries(specs)) {
    const proto = attributes.get(attribute);
    attributes.delete(attribute);
    if (proto !== undefined && spec.isFixed !== true) {
      const value = readAttribute(proto, spec.kind, name, (body) => readBody(body, draft, scope));
      values.set(attribute, spec.isBit === true ? Number(value !== 0) : value);
    } else if ("default" in spec) {
      values.set(attribute, spec.default);
    } else if (spec.presence === "required") {
      throw illegal(`node "${name}" (${op}) lacks the attribute ${attribute}`);
    }
  }
  const [unknown] = attributes.keys();
  if (unknown !== undefined) throw unsupported(op, name, `the attribute ${unknown} is not known`);
  if (op === "Split" && !values.has("num_outputs") && draft.inputs.length === 1)
    values.set("num_outputs", draft.outputs.length);
  if (op === "BatchNormalization" && scope.opset < 14 && draft.outputs.length > 1)
    values.set("training_mode", 1);
  const types = draft.inputs.map((input) => scope.inference.types.get(input));
  deriveAttributes({ op, node: name, values, autoPad, outputShape, types });
  const node = {
    op,
    name,
    inputs: draft.inputs,
    outputs: draft.outputs,
    attributes: Object.fromEntries(values),
  };
  // SAFETY: the op table, typed over OpAttributes, said which attributes to read and as what; verifyNode checks them.
  return node as unknown as AnyNode;
}

function readBody(proto: GraphProto, draft: Draft, scope: ReadScope): Graph {
  const scanned = Number(draft.attributes.get("num_scan_inputs")?.i ?? 0n);
  const axes = draft.attributes.get("scan_input_axes")?.ints.map(Number);
  const stateful = draft.inputs.length - scanned;
  const given = draft.inputs.map((input, i): TensorType => {
    const type = scope.inference.types.get(input);
    if (type === undefined) throw illegal(`input ${i} of node "${draft.name}" is missing`);
    if (i < stateful) return type;
    const axis = axes?.[i - stateful] ?? 0;
    return { dtype: type.dtype, shape: type.shape.toSpliced(axis, 1) };
  });
  return readGraph(proto, scope, { scope, given });
}

function readConstant(proto: NodeProto, name: string, scope: ReadScope): void {
  const [attribute] = proto.attribute;
  const [output = ""] = proto.output;
  if (attribute === undefined || output === "") throw illegal(`the Constant "${name}" has no value`);
  addConstant(output, constantTensor(attribute, name), scope);
}

function constantTensor(attribute: AttributeProto, name: string): Tensor {
  switch (attribute.name) {
    case "value":
      if (attribute.t === undefined) throw illegal(`the Constant "${name}" has no value`);
      return readTensor(attribute.t, name);
    case "value_float":
      return { dtype: "float32", shape: [], data: Float32Array.of(attribute.f ?? 0) };
    case "value_floats":
      return {
        dtype: "float32",
        shape: [attribute.floats.length],
        data: Float32Array.from(attribute.floats),
      };
    case "value_int":
      return { dtype: "int64", shape: [], data: BigInt64Array.of(attribute.i ?? 0n) };
    case "value_ints":
      return { dtype: "int64", shape: [attribute.ints.length], data: BigInt64Array.from(attribute.ints) };
    default:
      throw unsupported("Constant", name, `the attribute ${attribute.name} is not known`);
  }
}

function intsTensor(values: readonly number[]): Tensor {
  return { dtype: "int64", shape: [values.length], data: BigInt64Array.from(values, BigInt) };
}

function takeText(attributes: Map<string, AttributeProto>, name: string): string | undefined {
  const bytes = attributes.get(name)?.s;
  attributes.delete(name);
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
}

function takeInts(attributes: Map<string, AttributeProto>, name: string): readonly number[] | undefined {
  const ints = attributes.get(name)?.ints.map(Number);
  attributes.delete(name);
  return ints;
}
