/**
 * Shape and type inference: the type of every value, from the types of the inputs.
 *
 * Sizes may stay names. Small tensors that are known before the run (shapes, axes) are followed through the
 * arithmetic that exporters write around Reshape and Expand; see known.ts.
 */
import { LIMITS } from "@pingo/core";
import { bindDim } from "./dim.ts";
import { GraphError, showShape } from "./fault.ts";
import type { AnyNode, Graph, TypeByValue } from "./graph.ts";
import { attention } from "./infer/attention.ts";
import { control } from "./infer/control.ts";
import { convolution } from "./infer/convolution.ts";
import { elementwise } from "./infer/elementwise.ts";
import { indexing } from "./infer/indexing.ts";
import { linalg } from "./infer/linalg.ts";
import { loss } from "./infer/loss.ts";
import { movement } from "./infer/movement.ts";
import { normalization } from "./infer/normalization.ts";
import { recurrent } from "./infer/recurrent.ts";
import { reduction } from "./infer/reduction.ts";
import { sampling } from "./infer/sampling.ts";
import { type Inference, type InferRule, Site } from "./infer/site.ts";
import { knownOfTensor, propagate } from "./known.ts";
import type { OpKind } from "./ops.ts";
import { unifyShapes } from "./shape.ts";
import type { Tensor, TensorType } from "./tensor.ts";

const INFER: { readonly [K in OpKind]: InferRule<K> } = {
  ...elementwise,
  ...reduction,
  ...linalg,
  ...convolution,
  ...normalization,
  ...recurrent,
  ...attention,
  ...loss,
  ...sampling,
  ...movement,
  ...indexing,
  ...control,
};

export type { Inference };

export type Bindings = ReadonlyMap<string, number>;

/**
 * Types of the inputs, initializers and node outputs of a graph.
 *
 * @param bindings  numbers for named sizes of the inputs, such as batch → 32
 * @throws {GraphError} naming the node whose inputs do not fit
 */
export function inferTypes(graph: Graph, bindings: Bindings = new Map()): TypeByValue {
  const inference = startInference(graph, bindings);
  for (const node of graph.nodes) inferNode(node, inference);
  return inference.types;
}

/** Types what a graph starts from: inputs and initializers, and what is in scope around a body. */
export function startInference(graph: Graph, bindings: Bindings = new Map(), outer?: Inference): Inference {
  const types = new Map(outer?.types);
  const known = new Map(outer?.known);
  for (const { name, type } of graph.inputs) {
    types.set(name, { dtype: type.dtype, shape: type.shape.map((dim) => bindDim(dim, bindings)) });
    known.delete(name);
  }
  const inference: Inference = {
    types,
    known,
    inferBody: (body, inputs) => inferBody(body, inputs, inference),
  };
  for (const [name, tensor] of graph.initializers)
    addTensor(inference, name, tensor, graph.constants?.has(name) === true ? "constant" : "parameter");
  return inference;
}

/** A tensor that is there before any node. */
export function addTensor(
  { types, known }: Inference,
  name: string,
  tensor: Tensor,
  role: "parameter" | "constant",
): TensorType {
  const type = { dtype: tensor.dtype, shape: tensor.shape };
  types.set(name, type);
  const value = knownOfTensor(tensor, role === "parameter" && tensor.dtype === "float32");
  if (value === undefined) known.delete(name);
  else known.set(name, value);
  return type;
}

/** Types the outputs of one node whose inputs are typed already. */
export function inferNode(node: AnyNode, inference: Inference): void {
  // SAFETY: INFER maps each operator to the rule of that operator, which TypeScript cannot follow through the union.
  const rule = INFER[node.op] as InferRule<OpKind>;
  const site = new Site<OpKind>(node, inference);
  const results = rule(site);
  node.outputs.forEach((name, i) => {
    if (name === "") return;
    const type = results[i];
    if (type === undefined) throw site.illegal(`it has no output ${i}`);
    if (type.shape.length > LIMITS.tensorRankMax) {
      throw site.shape(
        `output ${i} would have ${type.shape.length} axes; at most ${LIMITS.tensorRankMax} are accepted`,
      );
    }
    inference.types.set(name, type);
  });
  for (const [i, value] of propagate(node, site, results).entries()) {
    const name = node.outputs[i] ?? "";
    if (name !== "" && value !== undefined) inference.known.set(name, value);
  }
}

function inferBody(body: Graph, inputs: readonly TensorType[], outer: Inference): TensorType[] {
  const inference = startInference(body, new Map(), outer);
  body.inputs.forEach(({ name, type }, i) => {
    const given = inputs[i] ?? type;
    const shape = unifyShapes(type.shape, given.shape);
    if (shape === undefined || type.dtype !== given.dtype) {
      throw new GraphError({
        code: "GRAPH_ILLEGAL",
        why: `the body "${body.name}" declares "${name}" as ${type.dtype}${showShape(type.shape)} and is given ${given.dtype}${showShape(given.shape)}`,
      });
    }
    inference.types.set(name, { dtype: given.dtype, shape });
  });
  for (const node of body.nodes) inferNode(node, inference);
  return body.outputs.map(({ name }) => {
    const type = inference.types.get(name);
    if (type === undefined)
      throw new GraphError({
        code: "GRAPH_ILLEGAL",
        why: `the body "${body.name}" never makes its output "${name}"`,
      });
    return type;
  });
}
