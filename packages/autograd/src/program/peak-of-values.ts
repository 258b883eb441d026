/**
 * The most that the values of a Scan's body take at one moment.
 *
 * Every value lives from the node that makes it to the last that reads it, in ONNX Runtime's order of execution;
 * views cost nothing, and elementwise nodes write over an operand that nobody reads again, as ONNX Runtime does.
 */
import { assert } from "@pingo/core";
import { executionOrder } from "../graph/execution-order.ts";
import type { Graph, GraphNode } from "../graph/graph.ts";
import { type Inference, inferNode, startInference } from "../graph/infer.ts";
import type { OpKind } from "../graph/ops.ts";
import { readsOf } from "../graph/reads.ts";
import { sizeOfShape } from "../graph/shape.ts";
import type { DType, TensorType } from "../graph/tensor.ts";
import { isPlain, type LoweredNode, type Lowering, lowerGraph } from "../lower/lowering.ts";
import { typeLowered } from "../lower/type-lowered.ts";

export const WIDTH_BYTES: { readonly [D in DType]: number } = {
  float32: 4,
  float64: 8,
  int64: 8,
  int32: 4,
  int8: 1,
  uint8: 1,
  bool: 1,
};

/** Their output is their first input, seen otherwise. */
const VIEWS: ReadonlySet<OpKind> = new Set<OpKind>([
  "Flatten",
  "Identity",
  "Reshape",
  "Squeeze",
  "Unsqueeze",
]);
/** Kernels that may write over an operand of the output's size. */
const IN_PLACE: ReadonlySet<OpKind> = new Set<OpKind>([
  "Abs",
  "Add",
  "Clip",
  "Div",
  "Erf",
  "Exp",
  "Log",
  "Mul",
  "Neg",
  "Reciprocal",
  "Relu",
  "Sigmoid",
  "Sqrt",
  "Sub",
  "Tanh",
]);

/** What a body reads of the graphs around it, and how all of them are lowered before they are run. */
export interface Around {
  readonly inference: Inference;
  readonly initializers: Graph["initializers"];
  readonly lowerings: readonly Lowering[];
}

export function peakOfBody(node: GraphNode<"Scan">, around: Around): number {
  const { inference: outer, lowerings } = around;
  const { body, num_scan_inputs: scanned, scan_input_axes: axes } = node.attributes;
  const stateful = node.inputs.length - scanned;
  const inference = startInference(body, new Map(), outer);
  body.inputs.forEach(({ name }, i) => {
    const type = outer.types.get(node.inputs[i] ?? "");
    assert(type !== undefined, `input ${i} of "${node.name}" is typed`);
    const axis = axes?.[i - stateful] ?? 0;
    const shape = i < stateful ? type.shape : type.shape.toSpliced(axis, 1);
    inference.types.set(name, { dtype: type.dtype, shape });
  });
  for (const inner of body.nodes) inferNode(inner, inference);
  const initializers = new Map([...around.initializers, ...body.initializers]);
  const lowered = lowerGraph({ ...body, initializers }, inference.types, lowerings);
  typeLowered(lowered, inference);
  const given = new Set(body.outputs.map(({ name }) => name));
  return peakOf(lowered.nodes, given, { inference, initializers, lowerings });
}

/** Of the values made inside. The outputs go where the Scan wants them, and its inputs are somebody else's. */
function peakOf(nodes: readonly LoweredNode[], given: ReadonlySet<string>, here: Around): number {
  const { types } = here.inference;
  const order = executionOrder(nodes, readBy);
  const readsLeft = new Map<string, number>();
  for (const node of order) {
    for (const name of new Set(readBy(node))) readsLeft.set(name, (readsLeft.get(name) ?? 0) + 1);
  }
  /** By the value that owns it. */
  const held = new Map<string, { bytes: number; reads: number }>();
  const ownerOf = new Map<string, string>();
  const live = { bytes: 0 };
  const release = (owner: string): void => {
    live.bytes -= held.get(owner)?.bytes ?? 0;
    held.delete(owner);
  };
  let peakBytes = 0;
  for (const node of order) {
    const reads = [...new Set(readBy(node))];
    const reused = ownerToReuse(node, types, ownerOf, held);
    for (const [i, name] of node.outputs.entries()) {
      if (name === "") continue;
      const owner = i === 0 ? reused : undefined;
      const reading = readsLeft.get(name) ?? 0;
      const holder = owner === undefined ? undefined : held.get(owner);
      if (owner !== undefined && holder !== undefined) {
        ownerOf.set(name, owner);
        holder.reads += reading;
      } else if (!given.has(name) && !isView(node)) {
        const bytes = bytesOf(types.get(name));
        held.set(name, { bytes, reads: reading });
        ownerOf.set(name, name);
        live.bytes += bytes;
      }
    }
    const inside = isPlain(node) && node.op === "Scan" ? scanBytes(node, here) : 0;
    peakBytes = Math.max(peakBytes, live.bytes + inside);
    for (const name of reads) {
      const owner = ownerOf.get(name);
      const holder = owner === undefined ? undefined : held.get(owner);
      if (owner !== undefined && holder !== undefined && --holder.reads === 0) release(owner);
    }
    for (const name of node.outputs) if (held.get(name)?.reads === 0) release(name);
  }
  return peakBytes;
}

/** The held value that a node's first output takes over. A view of what is not held here has none, and costs nothing. */
function ownerToReuse(
  node: LoweredNode,
  types: Inference["types"],
  ownerOf: ReadonlyMap<string, string>,
  held: ReadonlyMap<string, { readonly bytes: number; readonly reads: number }>,
): string | undefined {
  if (isView(node)) return ownerOf.get(node.inputs[0] ?? "");
  if (!isPlain(node) || !IN_PLACE.has(node.op)) return undefined;
  const bytes = bytesOf(types.get(node.outputs[0] ?? ""));
  return node.inputs
    .map((name) => ownerOf.get(name))
    .find((owner) => {
      const holder = owner === undefined ? undefined : held.get(owner);
      return holder !== undefined && holder.bytes === bytes && holder.reads === 1;
    });
}

/** Inside the step: its body, and two buffers for each state that it carries. */
function scanBytes(node: GraphNode<"Scan">, here: Around): number {
  const stateful = node.inputs.length - node.attributes.num_scan_inputs;
  const carried = sum(node.inputs.slice(0, stateful), (name) => bytesOf(here.inference.types.get(name)));
  return 2 * carried + peakOfBody(node, here);
}

function isView(node: LoweredNode): boolean {
  return isPlain(node) && VIEWS.has(node.op);
}

function readBy(node: LoweredNode): readonly string[] {
  return isPlain(node) ? readsOf(node) : node.inputs;
}

export function bytesOf(type: TensorType | undefined): number {
  if (type === undefined) return 0;
  return WIDTH_BYTES[type.dtype] * sizeOfShape(type.shape.map((dim) => (typeof dim === "number" ? dim : 1)));
}

export function sum(names: readonly string[], of: (name: string) => number): number {
  return names.reduce((total, name) => total + of(name), 0);
}
