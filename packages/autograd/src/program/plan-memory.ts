/**
 * How much memory a train program takes while it runs, worked out from its graph before anything is run.
 *
 * Every value lives from the node that makes it to the last that reads it, in ONNX Runtime's order of execution;
 * views cost nothing, and elementwise nodes write over an operand that nobody reads again, as ONNX Runtime does.
 * docs/adr/0003-engine.md compares it with the resident memory of real runs.
 */
import { assert } from "@pingo/core";
import { executionOrder } from "../graph/execution-order.ts";
import type { AnyNode, Graph, GraphNode } from "../graph/graph.ts";
import { type Inference, inferNode, startInference } from "../graph/infer.ts";
import { mergeRepeats } from "../graph/merge-repeats.ts";
import type { OpKind } from "../graph/ops.ts";
import { readsOf } from "../graph/reads.ts";
import { sizeOfShape } from "../graph/shape.ts";
import type { DType, TensorType } from "../graph/tensor.ts";

export interface MemoryPlan {
  /** Weights and what the optimizer keeps of them, once. */
  readonly stateBytes: number;
  /** The most that the values of a step take at one moment: activations, gradients, what kernels make in between. */
  readonly stepBytes: number;
  /** Tensors of the program itself, frozen weights among them. */
  readonly constantBytes: number;
  /** What a run adds to its process, the data set's rows left out: all copies of the state, the step, the session. */
  readonly totalBytes: number;
}

/** The state as JavaScript gives it and as it gets it back, the Scan's output, and its two buffers. */
const STATE_COPIES = 5;
/** The program's own bytes, and what the session makes of them. */
const CONSTANT_COPIES = 2;
/** The arena's pieces do not fit without gaps. */
const ARENA_FACTOR = 1.1;
/** ONNX Runtime's pages that only come in when kernels run, and what a session keeps of each node. Measured: adr/0003. */
const SESSION_BYTES = 12 * 2 ** 20;
const NODE_BYTES = 20 * 2 ** 10;

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

/** @param graph  a train program: a Scan over steps */
export function planMemory(graph: Graph): MemoryPlan {
  const outer = startInference(graph, new Map([["steps", 1]]));
  let stateBytes = 0;
  let stepBytes = 0;
  for (const node of graph.nodes) {
    inferNode(node, outer);
    if (node.op !== "Scan") continue;
    const stateful = node.inputs.length - node.attributes.num_scan_inputs;
    stateBytes += sum(node.inputs.slice(0, stateful), (name) => bytesOf(outer.types.get(name)));
    stepBytes = Math.max(stepBytes, peakOfBody(node, outer));
  }
  const constantBytes = constantsOf(graph);
  const totalBytes =
    SESSION_BYTES +
    NODE_BYTES * countNodes(graph) +
    STATE_COPIES * stateBytes +
    CONSTANT_COPIES * constantBytes +
    Math.round(ARENA_FACTOR * stepBytes);
  return { stateBytes, stepBytes, constantBytes, totalBytes };
}

function countNodes({ nodes }: Graph): number {
  return nodes.reduce(
    (total, node) => total + 1 + (node.op === "Scan" ? countNodes(node.attributes.body) : 0),
    0,
  );
}

function constantsOf({ initializers, nodes }: Graph): number {
  const own = [...initializers.values()].reduce((total, { data }) => total + data.byteLength, 0);
  return nodes.reduce(
    (total, node) => total + (node.op === "Scan" ? constantsOf(node.attributes.body) : 0),
    own,
  );
}

function peakOfBody(node: GraphNode<"Scan">, outer: Inference): number {
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
  return peakOf(mergeRepeats(body), inference);
}

/** Of the values made inside. The outputs go where the Scan wants them, and its inputs are somebody else's. */
function peakOf(graph: Graph, inference: Inference): number {
  const { types } = inference;
  const order = executionOrder(graph);
  const given = new Set(graph.outputs.map(({ name }) => name));
  const readsLeft = new Map<string, number>();
  for (const node of order) {
    for (const name of new Set(readsOf(node))) readsLeft.set(name, (readsLeft.get(name) ?? 0) + 1);
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
    const reads = [...new Set(readsOf(node))];
    const reused = ownerToReuse(node, types, ownerOf, held);
    for (const [i, name] of node.outputs.entries()) {
      if (name === "") continue;
      const owner = i === 0 ? reused : undefined;
      const reading = readsLeft.get(name) ?? 0;
      const holder = owner === undefined ? undefined : held.get(owner);
      if (owner !== undefined && holder !== undefined) {
        ownerOf.set(name, owner);
        holder.reads += reading;
      } else if (!given.has(name) && !VIEWS.has(node.op)) {
        const bytes = bytesOf(types.get(name));
        held.set(name, { bytes, reads: reading });
        ownerOf.set(name, name);
        live.bytes += bytes;
      }
    }
    const inside = node.op === "Scan" ? scanBytes(node, inference) : 0;
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
  node: AnyNode,
  types: Inference["types"],
  ownerOf: ReadonlyMap<string, string>,
  held: ReadonlyMap<string, { readonly bytes: number; readonly reads: number }>,
): string | undefined {
  if (VIEWS.has(node.op)) return ownerOf.get(node.inputs[0] ?? "");
  if (!IN_PLACE.has(node.op)) return undefined;
  const bytes = bytesOf(types.get(node.outputs[0] ?? ""));
  return node.inputs
    .map((name) => ownerOf.get(name))
    .find((owner) => {
      const holder = owner === undefined ? undefined : held.get(owner);
      return holder !== undefined && holder.bytes === bytes && holder.reads === 1;
    });
}

/** Inside the step: its body, and two buffers for each state that it carries. */
function scanBytes(node: GraphNode<"Scan">, outer: Inference): number {
  const stateful = node.inputs.length - node.attributes.num_scan_inputs;
  const carried = sum(node.inputs.slice(0, stateful), (name) => bytesOf(outer.types.get(name)));
  return 2 * carried + peakOfBody(node, outer);
}

function bytesOf(type: TensorType | undefined): number {
  if (type === undefined) return 0;
  return WIDTH_BYTES[type.dtype] * sizeOfShape(type.shape.map((dim) => (typeof dim === "number" ? dim : 1)));
}

function sum(names: readonly string[], of: (name: string) => number): number {
  return names.reduce((total, name) => total + of(name), 0);
}
