/** What train and evaluation programs share: the model bound to the job, and how a batch reaches it. */
import {
  type Adaptation,
  assertDefined,
  type Loss,
  type LossSettings,
  matchesAny,
  type Optimizer,
} from "@pingo/core";
import { nearest } from "@pingo/core/nearest";
import { adaptModel } from "../adapt/lora.ts";
import { composeGraph } from "../compose/compose.ts";
import type { AnyNode, Graph, GraphValue } from "../graph/graph.ts";
import type { DType, Tensor } from "../graph/tensor.ts";
import type { BoundObjective } from "../objective/objective.ts";
import { OBJECTIVES } from "../objective/objectives.ts";
import { EMA_SLOT, type Ema } from "../optimizer/ema.ts";
import { optimizerRule } from "../optimizer/optimizers.ts";
import type { StaticGraph } from "../rules/differentiate.ts";
import { axisOf, type Emitter, equalShapes, sizeOf, typedValue, type Value } from "../rules/emitter.ts";
import { bindBatch } from "./bind-batch.ts";
import { checkOptions } from "./check-options.ts";
import { checkOptimizerPatterns } from "./choose.ts";
import { ProgramError } from "./fault.ts";
import { type FieldMatch, matchFields } from "./match-fields.ts";
import { inferenceMode } from "./modes.ts";
import { findParameters, type LeftOut } from "./parameters.ts";
import type { FieldSpec, ParameterSpec, ProgramSignature } from "./signature.ts";
import { unrollScans } from "./unroll-scans.ts";

export interface ProgramOptions {
  readonly fields: readonly FieldSpec[];
  /** The field that holds the labels. */
  readonly target: string;
  /** The model's output that the loss is taken of; its first unless given. */
  readonly output?: string;
  readonly loss: Loss;
  readonly lossSettings?: LossSettings;
  readonly optimizer: Optimizer;
  /**
   * An exponential moving average of what is trained, and of running statistics, is kept step by step: `Trainer.ema` reads it.
   * None unless given, and then it costs nothing.
   */
  readonly ema?: Ema;
  /** Rows of one optimizer step. */
  readonly batchSize: number;
  /**
   * Passes that the batch is computed in, each of as many rows: their gradients are added up before the optimizer
   * steps, so the result is that of one pass but for rounding, and the activations take so much less memory. Batch
   * norm sees the rows of a pass. It divides the batch size; 1 unless given.
   */
  readonly microBatches?: number;
  /**
   * Parts that the way through the model is cut into. Only what goes from part to part is kept for the way back, the
   * rest is computed again: less memory for more time, and the same result. 1 unless given.
   */
  readonly recompute?: number;
  /**
   * Of what a run adds to its process, the data set left out. `microBatches` and `recompute` are chosen so that the
   * plan stays under it, the fastest first; batches with batch norm are never cut, since that would change the result.
   */
  readonly memoryLimitBytes?: number;
  /** Patterns over the names of parameters that stay as they are: no gradient, no state, no part of the weights vector. */
  readonly frozen?: readonly string[];
  /**
   * Patterns over the names of float32 initializers that are parameters though they look like constants: numbers without
   * an axis, such as a temperature, and what looks like a mask.
   */
  readonly alsoTrain?: readonly string[];
  /** Low-rank adapters are trained, and nothing else: they alone are parameters. */
  readonly adapt?: Adaptation;
  /** What adapters start from is drawn from it. */
  readonly seed?: number;
}

export interface ModelStep {
  /** What is trained: the model, or the model with its adapters. */
  readonly model: Graph;
  readonly graph: StaticGraph;
  readonly match: FieldMatch;
  readonly parameters: readonly ParameterSpec[];
  readonly signature: ProgramSignature;
  /** Parameters whose rows are looked up, by their names inside the step. */
  readonly tables: ReadonlySet<string>;
  /** f32: what the loss is taken of. */
  readonly output: Value;
  readonly objective: BoundObjective;
  /** In the step. */
  readonly targetDtype: DType;
  /** Rows that go through the model at once. */
  readonly passRows: number;
  /** Parameters that stay as they are, by their names inside the step. */
  readonly frozen: ReadonlySet<string>;
  readonly leftOut: readonly LeftOut[];
}

/** Names inside a step are kept apart from the program's border by this. */
const MODEL_PREFIX = "model/";

/** @throws {ProgramError | GradientError | GraphError} */
export function modelStep(given: Graph, options: ProgramOptions): ModelStep {
  checkOptions(options);
  const adapted = options.adapt && adaptModel(given, options.adapt.lora, options.seed ?? 0);
  const model = adapted?.graph ?? given;
  const only = adapted && new Set(adapted.adapters.flatMap(({ a, b }) => [a, b]));
  const targetKind = OBJECTIVES[options.loss].target;
  const passRows = rowsOfPass(options);
  const match = matchFields(model, options.fields, options.target, targetKind);
  const inner = prefixNames(inferenceMode(model));
  const innerMatch = { ...match, fieldByInput: mapKeys(match.fieldByInput, (name) => MODEL_PREFIX + name) };
  const bound = unrollScans(bindBatch(inner, innerMatch, passRows));
  const graph = composeGraph(bound, inner);
  const output = outputOf(model, options.output).name;
  if (!graph.types.has(innerName(output))) {
    const why = "batch norm makes it in training mode only: take another output of the model";
    throw new ProgramError({ code: "OUTPUT_MISFIT", output, loss: options.loss, why });
  }
  const targetShape = [passRows, ...match.target.rowShape];
  const outputValue = beforeActivation(
    graph,
    typedValue(graph.types, innerName(output)),
    options,
    targetShape,
  );
  const objective = bindObjective(graph, outputValue, options, targetShape);
  const { parameters: found, leftOut } = findParameters(bound, {
    initializers: model.initializers,
    constants: model.constants ?? new Set(),
    output,
    frozen: options.frozen ?? [],
    ...(options.alsoTrain && { alsoTrain: options.alsoTrain }),
    ...(only && { only }),
    inner: innerName,
  });
  const names = found.flatMap(({ name, kind }) => (kind === "trained" ? [name] : []));
  checkOptimizerPatterns(options.optimizer, names);
  const lookups = graph.nodes.filter(({ op }) => op === "Gather");
  const tables = new Set(lookups.flatMap(({ inputs }) => inputs.slice(0, 1)));
  const { optimizer, ema } = options;
  const rule = optimizerRule(optimizer, ema);
  const parameters = found.map((parameter): ParameterSpec => {
    if (parameter.kind === "statistic") return ema ? { ...parameter, slots: [EMA_SLOT] } : parameter;
    const isTable = tables.has(innerName(parameter.name));
    return { ...parameter, slots: rule.slots({ shape: parameter.shape, isTable }) };
  });
  const { fields, target, batchSize } = options;
  const signature = { parameters, fields: [...fields], target, batchSize };
  const targetDtype = targetKind === "classes" ? "int64" : "float32";
  return {
    model,
    graph,
    match: innerMatch,
    parameters,
    signature,
    tables,
    output: outputValue,
    objective,
    targetDtype,
    passRows,
    frozen: frozenNames(model, options.frozen ?? [], only),
    leftOut,
  };
}

/**
 * The output of that name; without one the first that holds real numbers: a classifier may return its labels first.
 *
 * @throws {ProgramError} OUTPUT_UNKNOWN
 */
export function outputOf({ outputs }: Graph, name: string | undefined): GraphValue {
  const named =
    name === undefined
      ? (outputs.find(({ type }) => type.dtype === "float32") ?? outputs[0])
      : outputs.find((output) => output.name === name);
  if (named !== undefined) return named;
  const names = outputs.map((output) => output.name);
  const output = assertDefined(name, "a model has outputs");
  throw new ProgramError({ code: "OUTPUT_UNKNOWN", output, nearest: nearest(output, names), outputs: names });
}

function frozenNames(
  { initializers }: Graph,
  patterns: readonly string[],
  only: ReadonlySet<string> | undefined,
): ReadonlySet<string> {
  const isFrozen = (name: string) => matchesAny(patterns, name) || (only !== undefined && !only.has(name));
  return new Set([...initializers.keys()].filter(isFrozen).map(innerName));
}

/** @throws {ProgramError} BATCH_UNEVEN */
function rowsOfPass({ batchSize, microBatches = 1 }: ProgramOptions): number {
  const rows = batchSize / microBatches;
  if (!Number.isInteger(rows)) throw new ProgramError({ code: "BATCH_UNEVEN", batchSize, microBatches });
  return rows;
}

/** The name inside a step of a value of the model. */
export function innerName(name: string): string {
  return MODEL_PREFIX + name;
}

/**
 * What the loss is taken of: where a model ends in the softmax or sigmoid that the loss applies itself, as Keras' do, what
 * goes into it. What the model gives its users stays as it is.
 */
function beforeActivation(
  graph: StaticGraph,
  output: Value,
  { loss }: ProgramOptions,
  target: readonly number[],
): Value {
  const maker = makerOf(graph, output);
  if (maker === undefined || maker.op !== OBJECTIVES[loss].applies) return output;
  const isFitting = maker.op !== "Softmax" || isOverClasses(maker.attributes.axis, output.shape, target);
  return isFitting ? typedValue(graph.types, maker.inputs[0] ?? "") : output;
}

function makerOf({ nodes }: StaticGraph, { name }: Value): AnyNode | undefined {
  return nodes.find(({ outputs }) => outputs.includes(name));
}

/** Classes are last where the target has what is left without them, or is as long itself; on axis 1 otherwise. */
function isOverClasses(axis: number, shape: readonly number[], target: readonly number[]): boolean {
  const last = shape.length - 1;
  const isLast = equalShapes(shape, target) || equalShapes(shape.slice(0, -1), target);
  return axisOf(axis, shape.length) === (isLast ? last : 1);
}

/** @throws {ProgramError} OUTPUT_MISFIT */
function bindObjective(
  graph: StaticGraph,
  output: Value,
  { loss, lossSettings = {} }: ProgramOptions,
  target: readonly number[],
): BoundObjective {
  const rule = OBJECTIVES[loss];
  const name = output.name.slice(MODEL_PREFIX.length);
  const reject = (why: string) => new ProgramError({ code: "OUTPUT_MISFIT", output: name, loss, why });
  if (output.dtype !== "float32") throw reject(`it is ${output.dtype}, not float32`);
  const maker = makerOf(graph, output);
  if (maker !== undefined && maker.op === rule.applies) {
    throw reject(
      `it is made by ${maker.op} ("${maker.name}"), which the loss applies itself, over other axes: leave that node out`,
    );
  }
  const bound = rule.bind({ output: output.shape, target, settings: lossSettings });
  if ("why" in bound) throw reject(bound.why);
  return bound;
}

/** Gathers the rows of a batch from the data set, as the model's inputs and as the target. */
export function emitBatch(
  emit: Emitter,
  { model, match, objective, targetDtype }: ModelStep,
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
  for (const input of model.inputs) {
    const name = innerName(input.name);
    const value = emit.cast(
      batchOf(assertDefined(match.fieldByInput.get(name), "matched")),
      input.type.dtype,
    );
    emit.add({ op: "Identity", name, inputs: [value.name], outputs: [name], attributes: {} });
  }
  return { target: emit.reshape(emit.cast(batchOf(match.target), targetDtype), objective.targetShape) };
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

/** A body reads values of the graph around it: its names change as that graph's do. */
function prefixNames(model: Graph): Graph {
  const rename = (name: string) => (name === "" ? "" : MODEL_PREFIX + name);
  const renamed = (node: AnyNode): AnyNode => {
    const names = { inputs: node.inputs.map(rename), outputs: node.outputs.map(rename) };
    if (node.op !== "Scan") return { ...node, ...names };
    return { ...node, ...names, attributes: { ...node.attributes, body: prefixNames(node.attributes.body) } };
  };
  return {
    ...model,
    inputs: model.inputs.map((input) => ({ ...input, name: rename(input.name) })),
    outputs: model.outputs.map((output) => ({ ...output, name: rename(output.name) })),
    initializers: mapKeys<Tensor>(model.initializers, rename),
    constants: new Set([...(model.constants ?? [])].map(rename)),
    nodes: model.nodes.map(renamed),
  };
}

function mapKeys<V>(map: ReadonlyMap<string, V>, rename: (name: string) => string): ReadonlyMap<string, V> {
  return new Map([...map].map(([name, value]) => [rename(name), value]));
}
