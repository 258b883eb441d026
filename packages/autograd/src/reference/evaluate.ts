/**
 * Evaluates a graph in float64, operator by operator, as the ONNX specification reads: the oracle for gradient checks
 * and for disputes about a result. Plain and slow on purpose; nothing is shared with the engine's fast path but the
 * inference of shapes.
 */
import { assertDefined } from "@pingo/core";
import { showShape } from "../graph/fault.ts";
import type { AnyNode, Graph, GraphValue } from "../graph/graph.ts";
import { type Inference, inferNode, startInference } from "../graph/infer.ts";
import type { OpKind } from "../graph/ops.ts";
import { unifyShapes } from "../graph/shape.ts";
import type { TensorType } from "../graph/tensor.ts";
import { attentionEvaluations } from "./attention.ts";
import { controlEvaluations } from "./control.ts";
import { elementwiseEvaluations } from "./elementwise.ts";
import { EvaluationError } from "./fault.ts";
import { indexingEvaluations } from "./indexing.ts";
import { linalgEvaluations } from "./linalg.ts";
import { lossEvaluations } from "./loss.ts";
import { movementEvaluations } from "./movement.ts";
import { normalizationEvaluations } from "./normalization.ts";
import { recurrentEvaluations } from "./recurrent.ts";
import { reductionEvaluations } from "./reduction.ts";
import { samplingEvaluations } from "./sampling.ts";
import { type Evaluate, Step } from "./step.ts";
import { type ReferenceValue, referenceOf } from "./value.ts";
import { windowEvaluations } from "./window.ts";

const EVALUATE: { readonly [K in OpKind]: Evaluate<K> } = {
  ...elementwiseEvaluations,
  ...reductionEvaluations,
  ...linalgEvaluations,
  ...windowEvaluations,
  ...normalizationEvaluations,
  ...recurrentEvaluations,
  ...attentionEvaluations,
  ...lossEvaluations,
  ...samplingEvaluations,
  ...movementEvaluations,
  ...indexingEvaluations,
  ...controlEvaluations,
};

type Values = ReadonlyMap<string, ReferenceValue>;

/** Small integers beyond this are not followed by inference; see known.ts. */
const KNOWN_ELEMENTS_MAX = 1_024;

/**
 * @param inputs  by name; one that names an initializer takes its place
 * @returns the outputs by name
 * @throws {EvaluationError | GraphError}
 */
export function evaluate(graph: Graph, inputs: Values): Map<string, ReferenceValue> {
  const outputs = evaluateGraph(graph, inputs, undefined);
  return new Map(graph.outputs.map(({ name }, i) => [name, assertDefined(outputs[i], name)]));
}

interface Scope {
  readonly values: Map<string, ReferenceValue>;
  readonly inference: Inference;
}

function evaluateGraph(graph: Graph, inputs: Values, outer: Scope | undefined): ReferenceValue[] {
  const bound = graph.inputs.map((input) => boundInput(input, inputs.get(input.name)));
  const inference = startInference({ ...graph, inputs: bound }, undefined, outer?.inference);
  const scope: Scope = { values: new Map(outer?.values), inference };
  for (const [name, tensor] of graph.initializers) {
    put(name, inputs.get(name) ?? referenceOf(tensor), scope);
  }
  for (const { name } of bound) put(name, assertDefined(inputs.get(name), name), scope);
  for (const node of graph.nodes) evaluateNode(node, scope);
  return graph.outputs.map(({ name }) => assertDefined(scope.values.get(name), `the output "${name}"`));
}

function boundInput({ name, type }: GraphValue, value: ReferenceValue | undefined): GraphValue {
  if (value === undefined) throw new EvaluationError({ code: "INPUT_MISSING", input: name });
  const shape = unifyShapes(value.shape, type.shape);
  if (shape === undefined || value.dtype !== type.dtype) {
    const shown = (one: TensorType) => `${one.dtype}${showShape(one.shape)}`;
    throw new EvaluationError({ code: "INPUT_MISMATCH", input: name, has: shown(value), wants: shown(type) });
  }
  return { name, type: { dtype: value.dtype, shape: value.shape } };
}

/** What is known now tells inference the shapes that come of it. */
function put(name: string, value: ReferenceValue, { values, inference }: Scope): void {
  values.set(name, value);
  inference.types.set(name, { dtype: value.dtype, shape: value.shape });
  if (value.data.length <= KNOWN_ELEMENTS_MAX) {
    inference.known.set(name, {
      shape: value.shape,
      elements: Array.from(value.data, Number),
      isLearned: false,
    });
  } else {
    inference.known.delete(name);
  }
}

function evaluateNode(node: AnyNode, scope: Scope): void {
  inferNode(node, scope.inference);
  const results = evaluationOf(node)(
    new Step(node, {
      inputs: node.inputs.map((name) => (name === "" ? undefined : scope.values.get(name))),
      types: node.outputs.map((name) => scope.inference.types.get(name) ?? UNUSED),
      evaluateBody: (body, inputs) => {
        const named = body.inputs.map(({ name }, i) => [name, assertDefined(inputs[i], name)] as const);
        return evaluateGraph(body, new Map(named), scope);
      },
    }),
  );
  node.outputs.forEach((name, i) => {
    if (name !== "") put(name, assertDefined(results[i], `output ${i} of "${node.name}"`), scope);
  });
}

/** An output that the node leaves out; MaxPool and others make it all the same, of their first output's shape. */
const UNUSED: TensorType = { dtype: "float32", shape: [] };

function evaluationOf(node: AnyNode): Evaluate<OpKind> {
  // SAFETY: EVALUATE maps each operator to the evaluation of that operator, and the step is made from such a node.
  return EVALUATE[node.op] as unknown as Evaluate<OpKind>;
}
