/**
 * The whole train step of a model as one ONNX graph: forward, backward and optimizer, wrapped in a Scan over steps.
 *
 *   inputs   w/i (trained parameter i), <slot>/i (what the optimizer keeps of it), s/i (statistic i), ema/i (the moving
 *            average of parameter or statistic i, where one is asked for), field/<name> [rows, …],
 *            indices int64[K, B], learningRate f32[K], step f32[K] (1 for the first),
 *            stop int64[] (0; pass.ts)
 *   outputs  w/i/next, <slot>/i/next, s/i/next, loss f32[K]
 *
 * Parameters are the Scan's state; the data set is read from around its body, so no row is copied but those of a
 * batch. K steps in one call give the same bits as K calls of one step.
 */
import { assertDefined } from "@pingo/core";
import type { AnyNode, Graph, GraphValue } from "../graph/graph.ts";
import { mergeRepeats } from "../graph/merge-repeats.ts";
import { verifyGraph } from "../graph/verify.ts";
import { writeModel } from "../onnx/writer.ts";
import { clipByNorm } from "../optimizer/clip.ts";
import { beginEma, EMA_SLOT } from "../optimizer/ema.ts";
import { optimizerRule } from "../optimizer/optimizers.ts";
import { Emitter, type Value } from "../rules/emitter.ts";
import { emitAccumulated, statisticBefore } from "./accumulate.ts";
import { borderOf, type State } from "./carried-state.ts";
import { isDecayed, rateFactor } from "./choose.ts";
import { ProgramError } from "./fault.ts";
import { firstFit, layoutsToTry, type StepLayout } from "./fit-memory.ts";
import { fieldInputs, innerName, type ModelStep, modelStep, type ProgramOptions } from "./model-step.ts";
import type { LeftOut } from "./parameters.ts";
import { emitPass, plainSeed, STOP } from "./pass.ts";
import { type MemoryPlan, planMemory } from "./plan-memory.ts";
import type { ProgramSignature } from "./signature.ts";
import { splitConstant } from "./split-constant.ts";
import { type ParameterUpdate, updateParameters } from "./update-parameters.ts";
import { flattenWeights } from "./weights.ts";

export interface TrainProgram {
  /** ONNX, at CANONICAL_OPSET. */
  readonly graph: Uint8Array;
  readonly signature: ProgramSignature;
  /** The model's own, flat in the order of the signature. */
  readonly initialWeights: Float32Array;
  /** What a run of it takes as it is, in calls of many steps: the most of all ways; `planRun` tells others. */
  readonly memory: MemoryPlan;
  /** How its step is laid out: as asked for, or as the memory limit made it. */
  readonly layout: StepLayout;
  /** What looks like a parameter and is taken for none: a guess, which `alsoTrain` corrects. */
  readonly leftOut: readonly LeftOut[];
}

/** @throws {ProgramError | GradientError | GraphError} naming what to change */
export function buildTrainProgram(model: Graph, options: ProgramOptions): TrainProgram {
  const { memoryLimitBytes: limitBytes, batchSize } = options;
  const asked = buildOnce(model, options);
  if (limitBytes === undefined || asked.memory.totalBytes <= limitBytes) return asked;
  const { parameters } = modelStep(model, { ...options, microBatches: 1 });
  const hasBatchNorm = parameters.some(({ kind }) => kind === "statistic");
  const layouts = layoutsToTry(batchSize, options, hasBatchNorm);
  const program = firstFit(layouts, limitBytes, (layout) => buildOnce(model, { ...options, ...layout }));
  const neededBytes = program.memory.totalBytes;
  if (neededBytes <= limitBytes) return program;
  throw new ProgramError({ code: "MEMORY_LIMIT", limitBytes, neededBytes, hasBatchNorm });
}

function buildOnce(model: Graph, options: ProgramOptions): TrainProgram {
  const step = modelStep(model, options);
  const graph = trainGraph(step, options);
  verifyGraph(graph);
  return {
    graph: writeModel(graph),
    signature: step.signature,
    initialWeights: flattenWeights(step.parameters, step.model.initializers),
    memory: planMemory(graph),
    layout: { microBatches: options.microBatches ?? 1, recompute: options.recompute ?? 1 },
    leftOut: step.leftOut,
  };
}

function trainGraph(step: ModelStep, options: ProgramOptions): Graph {
  const emit = new Emitter("train");
  const rows: Value = { name: "batch", dtype: "int64", shape: [options.batchSize] };
  const rate: Value = { name: "rate", dtype: "float32", shape: [] };
  const number: Value = { name: "number", dtype: "float32", shape: [] };
  const { microBatches = 1, recompute = 1, optimizer, ema } = options;
  const site = { step, rows, number, parts: recompute };
  const isCut = microBatches > 1;
  const pass = isCut ? emitAccumulated(emit, site, microBatches) : emitPass(emit, site, plainSeed);
  const raw = [...pass.gradients.values()];
  const used = optimizer.clipNorm === undefined ? raw : clipByNorm(emit, raw, optimizer.clipNorm);
  const gradientOf = new Map(
    [...pass.gradients.keys()].map((name, i) => [name, assertDefined(used[i], name)]),
  );
  const averageOf = ema && beginEma(emit, ema, number);
  const statistics = step.parameters.flatMap(({ name, shape, kind }, i): State[] => {
    if (kind !== "statistic") return [];
    const inside: Value = { name: innerName(name), dtype: "float32", shape };
    const value = isCut ? { ...inside, name: statisticBefore(inside.name) } : inside;
    const next = pass.nextStatistics.get(inside.name) ?? value;
    const own: State = { parts: [{ name: `s/${i}`, shape }], value, next };
    if (averageOf === undefined) return [own];
    const before: Value = { ...value, name: `kept/${EMA_SLOT}/${i}` };
    return [
      own,
      { parts: [{ name: `${EMA_SLOT}/${i}`, shape }], value: before, next: averageOf(before, next) },
    ];
  });
  const updates = step.parameters.flatMap((parameter, index): ParameterUpdate[] => {
    const { name, shape, kind, slots = [] } = parameter;
    if (kind === "statistic") return [];
    const weight: Value = { name: innerName(name), dtype: "float32", shape };
    const gradient = assertDefined(gradientOf.get(weight.name), weight.name);
    const isTable = step.tables.has(weight.name);
    const factor = rateFactor(optimizer, name);
    const decayed = isDecayed(optimizer.decay ?? {}, parameter);
    return [{ index, shape, isTable, isDecayed: decayed, factor, weight, gradient, slots }];
  });
  const updated = updateParameters(emit, optimizerRule(optimizer, ema), { rate, number }, updates);
  const states = [...updated.states, ...statistics];
  const nodes = [...updated.views, ...emit.nodes.splice(0)];
  const constants = new Map([...step.graph.constants, ...emit.constants]);
  for (const { value } of states) constants.delete(value.name);
  // Inside a pass a statistic goes by this name, and the model's own value of it is read nowhere.
  for (const { name } of step.parameters) constants.delete(innerName(name));
  return scanGraph({ nodes, constants, states, loss: pass.loss, sequences: [rows, rate, number] }, options);
}

interface Step {
  readonly nodes: Graph["nodes"];
  readonly constants: Graph["initializers"];
  readonly states: readonly State[];
  readonly loss: Value;
  readonly sequences: readonly Value[];
}

function scanGraph({ nodes, constants, states, loss, sequences }: Step, options: ProgramOptions): Graph {
  const emitted = [...states.map(({ next }) => next), loss];
  // Every output of a body is a value of its own: one that passes a state on is copied.
  const taken = new Set(states.map(({ value }) => value.name));
  const copies: AnyNode[] = [];
  const outputs = emitted.map((value, i) => {
    if (!taken.has(value.name)) {
      taken.add(value.name);
      return value;
    }
    const name = `copy/${i}`;
    copies.push({ op: "Identity", name, inputs: [value.name], outputs: [name], attributes: {} });
    return { ...value, name };
  });
  const split = splitConstant(
    [...nodes, ...copies],
    constants,
    outputs.map(({ name }) => name),
  );
  const body = mergeRepeats({
    name: "step",
    inputs: [...states.map(({ value }) => graphValue(value)), ...sequences.map(graphValue)],
    outputs: outputs.map(graphValue),
    initializers: split.insideConstants,
    nodes: split.inside,
  });
  const outer = new Emitter("border");
  const border = borderOf(outer, states);
  return {
    name: "pingo-train",
    inputs: [
      ...border.inputs,
      ...fieldInputs(options.fields, split.read),
      { name: "indices", type: { dtype: "int64", shape: ["steps", options.batchSize] } },
      { name: "learningRate", type: { dtype: "float32", shape: ["steps"] } },
      { name: "step", type: { dtype: "float32", shape: ["steps"] } },
      graphValue(STOP),
    ],
    outputs: [...border.outputs, { name: "loss", type: { dtype: "float32", shape: ["steps"] } }],
    initializers: new Map([...split.outsideConstants, ...outer.constants]),
    nodes: [
      ...split.outside,
      ...border.before,
      {
        op: "Scan",
        name: "steps",
        inputs: [...border.first.map(({ name }) => name), "indices", "learningRate", "step"],
        outputs: [...border.last.map(({ name }) => name), "loss"],
        attributes: { body, num_scan_inputs: sequences.length },
      },
      ...border.after,
    ],
  };
}

function graphValue({ name, dtype, shape }: Value): GraphValue {
  return { name, type: { dtype, shape } };
}
