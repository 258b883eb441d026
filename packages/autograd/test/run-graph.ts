/** Runs IR graphs in ONNX Runtime, one thread, for tests. */
import type { Tensor as OrtTensor } from "onnxruntime-node";
import type { AnyNode, Graph, GraphNode } from "../src/graph/graph.ts";
import type { OpAttributes, OpKind } from "../src/graph/ops.ts";
import type { Tensor } from "../src/graph/tensor.ts";
import { writeModel } from "../src/onnx/writer.ts";
import { loadOrt } from "../src/runtime/load-ort.ts";
import { type Backend, openSession, runSession, toOrt } from "../src/runtime/ort.ts";

export type Run = (feeds: ReadonlyMap<string, Tensor>) => Promise<ReadonlyMap<string, Tensor>>;

export async function openGraph(graph: Graph | Uint8Array, backend: Backend = "native"): Promise<Run> {
  const bytes = graph instanceof Uint8Array ? graph : writeModel(graph);
  const ort = await loadOrt(backend);
  const session = await openSession(ort, bytes);
  return async (feeds) => {
    const given: Record<string, OrtTensor> = {};
    for (const [name, tensor] of feeds) {
      if (session.inputNames.includes(name)) given[name] = toOrt(ort, tensor);
    }
    const results = await runSession(session, given);
    return new Map(Object.entries(results).map(([name, result]) => [name, tensorOf(result)]));
  };
}

/** Once, in either backend; nothing of it stays. */
export async function runGraph(
  graph: Graph,
  feeds: ReadonlyMap<string, Tensor>,
  backend: Backend,
): Promise<ReadonlyMap<string, Tensor>> {
  const ort = await loadOrt(backend);
  const session = await openSession(ort, writeModel(graph));
  try {
    const read = [...feeds].filter(([name]) => session.inputNames.includes(name));
    const given = read.map(([name, tensor]) => [name, toOrt(ort, tensor)] as const);
    const results = await runSession(session, Object.fromEntries(given));
    return new Map(Object.entries(results).map(([name, result]) => [name, tensorOf(result)]));
  } finally {
    await session.release();
  }
}

function tensorOf({ type, dims, data }: OrtTensor): Tensor {
  // SAFETY: the graphs of these tests have outputs of the types we know only.
  return { dtype: type, shape: dims, data } as Tensor;
}

export function node<K extends OpKind>(
  op: K,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: OpAttributes[K],
): AnyNode {
  const made: GraphNode<K> = { op, name: `${op}:${outputs[0]}`, inputs, outputs, attributes };
  return made as unknown as AnyNode; // SAFETY: AnyNode is the union of GraphNode<K> over all K.
}

export function f32(shape: readonly number[], values: Iterable<number>): Tensor {
  return { dtype: "float32", shape, data: Float32Array.from(values) };
}

export function i64(shape: readonly number[], values: Iterable<number>): Tensor {
  return { dtype: "int64", shape, data: BigInt64Array.from(values, BigInt) };
}

export function bool(shape: readonly number[], values: Iterable<number>): Tensor {
  return { dtype: "bool", shape, data: Uint8Array.from(values) };
}

export function floatsOf(tensor: Tensor | undefined): number[] {
  return tensor === undefined ? [] : Array.from(tensor.data, Number);
}
