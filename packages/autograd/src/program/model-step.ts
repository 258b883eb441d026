/** What train and evaluation programs share: the model bound to the job, and how a batch reaches it. */
import { assertDefined, type Loss, type LossSettings, type Optimizer } from "@pingo/core";
import { showShape } from "../graph/fault.ts";
import type { Graph, GraphValue } from "../graph/graph.ts";
import type { Tensor } from "../graph/tensor.ts";
import { classAxis } from "../objective/softmax-cross-entropy.ts";
import type { StaticGraph } from "../rules/differentiate.ts";
import { type Emitter, sizeOf, typedValue, type Value } from "../rules/emitter.ts";
import { bindBatch } from "./bind-batch.ts";
import { ProgramError } from "./fault.ts";
import { type FieldMatch, matchFields } from "./match-fields.ts";
import { inferenceMode } from "./modes.ts";
import { findParameters } from "./parameters.ts";
import type { FieldSpec, ParameterSpec, ProgramSignature } from "./signature.ts";

export interface ProgramOptions {
  readonly fields: readonly FieldSpec[];
  /** The field that holds the labels. */
  readonly target: string;
  readonly loss: Loss;
  readonly lossSettings?: LossSettings;
  readonly optimizer: Optimizer;
  readonly batchSize: number;
  /** Parameters that stay as they are. */
  readonly frozen?: readonly string[];
}

export interface ModelStep {
  readonly graph: StaticGraph;
  readonly match: FieldMatch;
  readonly parameters: readonly ParameterSpec[];
  readonly signature: ProgramSignature;
  /** f32[batchSize, …] */
  readonly logits: Value;
  readonly classAxis: number;
  /** Of one batch. */
  readonly targetShape: readonly number[];
}

/** Names inside a step are kept apart from the program's border by this. */
const MODEL_PREFIX = "model/";

/** @throws {ProgramError | GradientError | GraphError} */
export function modelStep(model: Graph, options: ProgramOptions): ModelStep {
  const match = matchFields(model, options.fields, options.target);
  const inner = prefixNames(inferenceMode(model));
  const innerMatch = { ...match, fieldByInput: mapKeys(match.fieldByInput, (name) => MODEL_PREFIX + name) };
  const graph = bindBatch(inner, innerMatch, options.batchSize);
  const output = assertDefined(model.outputs[0], "a model has outputs").name;
  const logits = typedValue(graph.types, MODEL_PREFIX + output);
  const { axis, targetShape } = checkLogits(graph, logits, output, [
    options.batchSize,
    ...match.target.rowShape,
  ]);
  const parameters = findParameters(graph, {
    initializers: model.initializers,
    output,
    frozen: options.frozen ?? [],
    inner: innerName,
  });
  const { fields, target, batchSize } = options;
  const signature = { parameters, fields: [...fields], target, batchSize };
  return { graph, match: innerMatch, parameters, signature, logits, classAxis: axis, targetShape };
}

/** The name inside a step of a value of the model. */
export function innerName(name: string): string {
  return MODEL_PREFIX + name;
}

function checkLogits(graph: StaticGraph, logits: Value, output: string, target: readonly number[]) {
  const reject = (why: string) => new ProgramError({ code: "OUTPUT_NOT_LOGITS", output, why });
  if (logits.dtype !== "float32") throw reject(`it is ${logits.dtype}, not float32`);
  const maker = graph.nodes.find((node) => node.outputs.includes(logits.name));
  if (maker?.op === "Softmax") {
    throw reject(
      `it ends in Softmax ("${maker.name}"), and the loss applies softmax itself: leave that node out`,
    );
  }
  // A column of labels, [rows, 1], stands for [rows].
  const squeezed = target.length === 2 && target[1] === 1 ? target.slice(0, 1) : target;
  for (const targetShape of [target, squeezed]) {
    const axis = classAxis(logits.shape, targetShape);
    if (axis !== undefined) return { axis, targetShape };
  }
  throw reject(
    `it is ${showShape(logits.shape)} for targets of ${showShape(target)}; wanted is one more axis, the classes`,
  );
}

/** Gathers the rows of a batch from the data set, as the model's inputs and as the target. */
export function emitBatch(
  emit: Emitter,
  { match, targetShape }: ModelStep,
  model: readonly GraphValue[],
  rows: Value,
): { readonly target: Value } {
  const gathered = new Map<FieldSpec, Value>();
  const batchOf = (field: FieldSpec) => {
    const known = gathered.get(field);
    if (known !== undefined) return known;
    // Only the first size differs from the data set's, and Gather takes that from `rows`.
    const source = {
      name: `field/${field.name}`,
      dtype: field.dtype,
      shape: [sizeOf(rows.shape), ...field.rowShape],
    };
    const batch = emit.gather(source, rows, 0);
    gathered.set(field, batch);
    return batch;
  };
  for (const input of model) {
    const name = innerName(input.name);
    const value = emit.cast(
      batchOf(assertDefined(match.fieldByInput.get(name), "matched")),
      input.type.dtype,
    );
    emit.add({ op: "Identity", name, inputs: [value.name], outputs: [name], attributes: {} });
  }
  return { target: emit.reshape(emit.cast(batchOf(match.target), "int64"), targetShape) };
}

/** The program's inputs for the fields it reads. */
export function fieldInputs(fields: readonly FieldSpec[], used: ReadonlySet<string>): GraphValue[] {
  return fields
    .map(({ name, dtype, rowShape }) => ({
      name: `field/${name}`,
      type: { dtype, shape: ["rows", ...rowShape] },
    }))
    .filter(({ name }) => used.has(name));
}

function prefixNames(model: Graph): Graph {
  const rename = (name: string) => (name === "" ? "" : MODEL_PREFIX + name);
  return {
    ...model,
    inputs: model.inputs.map((input) => ({ ...input, name: rename(input.name) })),
    outputs: model.outputs.map((output) => ({ ...output, name: rename(output.name) })),
    initializers: mapKeys<Tensor>(model.initializers, rename),
    nodes: model.nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map(rename),
      outputs: node.outputs.map(rename),
    })),
  };
}

function mapKeys<V>(map: ReadonlyMap<string, V>, rename: (name: string) => string): ReadonlyMap<string, V> {
  return new Map([...map].map(([name, value]) => [rename(name), value]));
}
