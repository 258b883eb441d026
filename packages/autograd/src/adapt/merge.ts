/**
 * Adapters added into the weights that they stand beside: W + s·B·A, so that the model needs none of them any more.
 *
 * Sums are float64 and rounded once. A weight that something else reads too stays; the adapted node then gets one of its own.
 */
import { assert } from "@pingo/core";
import type { AnyNode, Graph } from "../graph/graph.ts";
import type { Tensor } from "../graph/tensor.ts";
import { at, sizeOf } from "../rules/emitter.ts";
import { type AdaptedModel, type Adapter, adapterTensor } from "./lora.ts";

/** Names of a file of adapters begin with this, as the library that most tools read them by writes it. */
const FILE_PREFIX = "base_model.model.";

/** @param trained  initializers of the adapted model; its adapters' are read */
export function mergeAdapters(
  model: Graph,
  { adapters, scale }: AdaptedModel,
  trained: ReadonlyMap<string, Tensor>,
): Graph {
  const initializers = new Map(model.initializers);
  const values = new Set([
    ...model.inputs.map(({ name }) => name),
    ...model.nodes.flatMap(({ outputs }) => outputs),
  ]);
  const isTaken = (name: string) => initializers.has(name) || values.has(name);
  const ownWeight = new Map<AnyNode, string>();
  for (const adapter of adapters) {
    const { node, initializer, perm, isOwn, module } = adapter.site;
    const base = floatsOf(adapterTensor(model.initializers, initializer));
    const shape = adapterTensor(model.initializers, initializer).shape;
    const change = changeOf(adapter, trained);
    // Axis i of what the node reads is axis perm[i] of the initializer.
    const back = isOwn ? transposed(change, adapter.site.shape, inverse(perm)) : change;
    const start = isOwn ? base : transposed(base, shape, perm);
    const data = Float32Array.from(start, (value, i) => value + scale * (back[i] ?? 0));
    let name = isOwn ? initializer : `${module}.merged`;
    // A model that was merged before has weights of such names.
    while (!isOwn && isTaken(name)) name = `${name}.again`;
    initializers.set(name, { dtype: "float32", shape: isOwn ? shape : adapter.site.shape, data });
    if (!isOwn) ownWeight.set(node, name);
  }
  const nodes = model.nodes.map((node) => {
    const name = ownWeight.get(node);
    if (name === undefined) return node;
    const input = node.op === "Gather" ? 0 : 1;
    // SAFETY: the same node with another weight of the same shape.
    return { ...node, inputs: node.inputs.with(input, name) } as AnyNode;
  });
  return { ...model, initializers, nodes };
}

/** The adapters alone, under the names that other tools know. */
export function adapterTensors(
  { adapters }: AdaptedModel,
  trained: ReadonlyMap<string, Tensor>,
): ReadonlyMap<string, Tensor> {
  const names = adapters.flatMap(({ a, b }) => [a, b]);
  return new Map(names.map((name) => [`${FILE_PREFIX}${name}`, adapterTensor(trained, name)]));
}

/** B·A as the node reads its weight, f64. */
function changeOf({ site, a, b, shapes }: Adapter, trained: ReadonlyMap<string, Tensor>): Float64Array {
  const [left, right] = [floatsOf(adapterTensor(trained, b)), floatsOf(adapterTensor(trained, a))];
  const [rank, rows] = [at(shapes[0], 0), at(shapes[1], 0)];
  const columns = sizeOf(shapes[0]) / rank;
  const product = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < rank; k++) {
      const factor = left[i * rank + k] ?? 0;
      for (let j = 0; j < columns; j++) {
        product[i * columns + j] = (product[i * columns + j] ?? 0) + factor * (right[k * columns + j] ?? 0);
      }
    }
  }
  const { node } = site;
  const isOutFirst = node.op === "Conv" || (node.op === "Gemm" && node.attributes.transB === 1);
  return isOutFirst ? product : transposed(product, [rows, columns], [1, 0]);
}

/** Axis i of the result is axis perm[i] of the values. */
function transposed(
  values: Float32Array | Float64Array,
  shape: readonly number[],
  perm: readonly number[],
): Float64Array {
  const strides = shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
  const target = perm.map((axis) => at(shape, axis));
  const steps = perm.map((axis) => at(strides, axis));
  const index = target.map(() => 0);
  let from = 0;
  const result = new Float64Array(values.length);
  for (let i = 0; i < result.length; i++) {
    result[i] = values[from] ?? 0;
    for (let axis = target.length - 1; axis >= 0; axis--) {
      const next = (index[axis] ?? 0) + 1;
      from += steps[axis] ?? 0;
      index[axis] = next;
      if (next < (target[axis] ?? 0)) break;
      from -= next * (steps[axis] ?? 0);
      index[axis] = 0;
    }
  }
  return result;
}

function inverse(perm: readonly number[]): readonly number[] {
  return perm.map((_, axis) => perm.indexOf(axis));
}

function floatsOf({ data }: Tensor): Float32Array {
  assert(data instanceof Float32Array, "weights are float32");
  return data;
}
