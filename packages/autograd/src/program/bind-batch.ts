/**
 * Fixes every size of a model: the batch is bound, shapes are followed, and what is known before the run is folded.
 *
 * Exporters that trace write the batch they saw into the targets of Reshape and Expand; those are rewritten where
 * the batch leads.
 */
import { assertDefined, isFault, LIMITS } from "@pingo/core";
import type { AnyNode, Graph } from "../graph/graph.ts";
import { type Inference, inferNode, inferTypes, startInference } from "../graph/infer.ts";
import type { OpKind } from "../graph/ops.ts";
import type { DType, Tensor, TensorType } from "../graph/tensor.ts";
import type { StaticGraph } from "../rules/differentiate.ts";
import { equalShapes, sizeOf } from "../rules/emitter.ts";
import { ProgramError } from "./fault.ts";
import type { FieldMatch } from "./match-fields.ts";

/** @throws {ProgramError} BATCH_BAKED_IN, SIZE_UNKNOWN */
export function bindBatch(model: Graph, match: FieldMatch, batchSize: number): StaticGraph {
  const exported = inferTypes(model);
  const inputs = model.inputs.map(({ name, type }) => {
    const { rowShape } = assertDefined(match.fieldByInput.get(name), "matched");
    return { name, type: { dtype: type.dtype, shape: [batchSize, ...rowShape] } };
  });
  const constants = new Map(model.initializers);
  const inference = startInference({ ...model, inputs });
  const nodes: AnyNode[] = [];
  for (const node of model.nodes) {
    const bound = rebatch(node, { inference, exported, constants, from: match.exportedBatch, to: batchSize });
    inferBound(bound, inference, match.exportedBatch, batchSize);
    if (!foldNode(bound, inference, constants)) nodes.push(bound);
  }
  refuseUnknown(nodes, inference.types);
  return { nodes, types: inference.types, constants };
}

function refuseUnknown(nodes: readonly AnyNode[], types: ReadonlyMap<string, TensorType>): void {
  for (const node of nodes) {
    for (const name of node.outputs) {
      const shape = types.get(name)?.shape ?? [];
      const size = shape.find((dim) => typeof dim === "string");
      if (typeof size === "string")
        throw new ProgramError({ code: "SIZE_UNKNOWN", node: node.name, op: node.op, size });
      const elements = shape.reduce<number>((product, dim) => product * Number(dim), 1);
      const max = LIMITS.tensorElementsMax;
      if (elements > max)
        throw new ProgramError({ code: "SIZE_TOO_LARGE", node: node.name, op: node.op, elements, max });
    }
  }
}

interface Rebatching {
  readonly inference: Inference;
  readonly exported: ReadonlyMap<string, TensorType>;
  readonly constants: Map<string, Tensor>;
  readonly from: number | undefined;
  readonly to: number;
}

/** The node with the exported batch in its target shape replaced. */
function rebatch(node: AnyNode, { inference, exported, constants, from, to }: Rebatching): AnyNode {
  if (from === undefined || from === to || (node.op !== "Reshape" && node.op !== "Expand")) return node;
  const [data = "", target = ""] = node.inputs;
  const known = inference.known.get(target)?.elements;
  const before = exported.get(data)?.shape.map(Number);
  const now = inference.types.get(data)?.shape.map(Number);
  if (known === undefined || before === undefined || now === undefined) return node;
  const shape = known.map(Number);
  const lead =
    node.op === "Expand" ? expandedLead(shape, from, to) : reshapedLead(shape, { before, now, from, to });
  if (lead === undefined || lead === shape[0]) return node;
  const name = `${target}/batch${to}/${node.name}`;
  const tensor = integerTensor("int64", [shape.length], shape.with(0, lead));
  constants.set(name, tensor);
  inference.types.set(name, { dtype: "int64", shape: [shape.length] });
  inference.known.set(name, { shape: [shape.length], elements: shape.with(0, lead), isLearned: false });
  // SAFETY: the same node with another second input.
  return { ...node, inputs: [data, name] } as AnyNode;
}

// Expanding to a batch of 1 changes nothing, so only larger ones can be told from an axis that happens to be as long.
function expandedLead(shape: readonly number[], from: number, to: number): number | undefined {
  return from > 1 && shape[0] === from ? to : undefined;
}

function reshapedLead(
  shape: readonly number[],
  { before, now, from, to }: { before: readonly number[]; now: readonly number[]; from: number; to: number },
): number | undefined {
  const lead = shape[0];
  if (lead === undefined || lead <= 0 || equalShapes(before, now)) return undefined;
  const leads = before.map((_, i) => sizeOf(before.slice(0, i + 1)));
  if (lead % from !== 0 || !leads.includes(lead)) return undefined;
  const next = (lead / from) * to;
  const isFree = shape.includes(-1);
  return isFree || sizeOf(shape.with(0, next)) === sizeOf(now) ? next : undefined;
}

function inferBound(
  node: AnyNode,
  inference: Inference,
  exported: number | undefined,
  batchSize: number,
): void {
  try {
    inferNode(node, inference);
  } catch (cause) {
    if (!isFault(cause) || exported === undefined || exported === batchSize) throw cause;
    throw new ProgramError({ code: "BATCH_BAKED_IN", node: node.name, exported, batchSize }, { cause });
  }
}

/**
 * Whole numbers, and real ones that are only moved about: where they are computed, the engine's rounding is the one
 * that counts. What training may change is not folded, nor what is made of it.
 */
function foldNode(node: AnyNode, inference: Inference, constants: Map<string, Tensor>): boolean {
  const folded: [string, Tensor][] = [];
  for (const name of node.outputs) {
    if (name === "") continue;
    const { dtype } = assertDefined(inference.types.get(name), "inferred");
    const known = inference.known.get(name);
    if (known === undefined || known.isLearned || (isReal(dtype) && !MOVES.has(node.op))) return false;
    const elements = known.elements.filter((element) => typeof element === "number");
    if (elements.length !== known.elements.length) return false;
    folded.push([name, tensorOf(dtype, known.shape, elements)]);
  }
  for (const [name, tensor] of folded) constants.set(name, tensor);
  return true;
}

/** PyTorch makes the factors of a Resize of constants by these. */
const MOVES: ReadonlySet<OpKind> = new Set<OpKind>([
  "Concat",
  "Identity",
  "Reshape",
  "Slice",
  "Squeeze",
  "Unsqueeze",
]);

function isReal(dtype: DType): dtype is "float32" | "float64" {
  return dtype === "float32" || dtype === "float64";
}

function tensorOf(dtype: DType, shape: readonly number[], elements: readonly number[]): Tensor {
  if (dtype === "float32") return { dtype, shape, data: Float32Array.from(elements) };
  if (dtype === "float64") return { dtype, shape, data: Float64Array.from(elements) };
  return integerTensor(dtype, shape, elements);
}

function integerTensor(
  dtype: Exclude<DType, "float32" | "float64">,
  shape: readonly number[],
  elements: readonly number[],
): Tensor {
  if (dtype === "int64") return { dtype, shape, data: BigInt64Array.from(elements, BigInt) };
  if (dtype === "int32") return { dtype, shape, data: Int32Array.from(elements) };
  if (dtype === "int8") return { dtype, shape, data: Int8Array.from(elements) };
  return { dtype, shape, data: Uint8Array.from(elements) };
}
