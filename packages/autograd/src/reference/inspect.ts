/** What a model is made of, and what it costs; sizes that only have a name count as 1, but for the batch of a train step. */
import { createPrng, type FaultReport, isFault, reportOf } from "@pingo/core";
import type { AnyNode, Graph, TypeByValue } from "../graph/graph.ts";
import { inferTypes } from "../graph/infer.ts";
import type { OpKind } from "../graph/ops.ts";
import { readsOf } from "../graph/reads.ts";
import { sizeOfShape } from "../graph/shape.ts";
import type { HalfType, Tensor, TensorType } from "../graph/tensor.ts";
import { ProgramError } from "../program/fault.ts";
import { outputOf, type ProgramOptions } from "../program/model-step.ts";
import { findLeftOut, findParameters, type LeftOut, type ParameterSearch } from "../program/parameters.ts";
import { WIDTH_BYTES } from "../program/peak-of-values.ts";
import type { MemoryPlan } from "../program/plan-memory.ts";
import type { ParameterSpec } from "../program/signature.ts";
import { buildTrainProgram } from "../program/train-program.ts";
import { unrollScans } from "../program/unroll-scans.ts";
import { BACKWARD } from "../rules/backward.ts";
import { dependencies, dependents, type StaticGraph } from "../rules/differentiate.ts";
import { isUnrolled, noGradient } from "../rules/rule.ts";
import { flopsOf, sizeOf } from "./flops.ts";
import { gradientGraph } from "./gradient-graph.ts";

export interface Inspection {
  /** Nodes by operator, the most frequent first. */
  readonly ops: Readonly<Record<string, number>>;
  readonly parameters: { readonly tensors: number; readonly elements: number };
  /** Float32 tensors of the file that training leaves as they are, and why. */
  readonly leftOut: readonly LeftOut[];
  /** Weights that the file holds in 16 bits: trained in float32, written in 16 bits again. */
  readonly halves: Readonly<Partial<Record<HalfType, number>>>;
  /** One forward pass, by row: a product and a sum are two. */
  readonly flopsPerRow: number;
  readonly memory: {
    /** Weights, their gradients and the two moments of AdamW. */
    readonly stateBytes: number;
    /** What the forward pass makes, which the backward pass reads. */
    readonly activationBytesPerRow: number;
  };
  /** Nodes between a parameter and the first output through which no gradient can be taken. */
  readonly withoutGradient: readonly { readonly op: OpKind; readonly node: string }[];
  /** Null where it cannot be trained. */
  readonly trainStep: TrainStepCost | null;
  /** Why it cannot be trained: the first thing in the way. */
  readonly obstacle: FaultReport | null;
}

/** Forward, backward and AdamW over one batch; the loss is the mean squared error of the first output. */
export interface TrainStepCost {
  readonly batchSize: number;
  /** Without the loss's own. */
  readonly flops: number;
  readonly memory: MemoryPlan;
}

export interface InspectOptions {
  /** Of the train step; what the model was exported for, or 32 where it leaves that open. */
  readonly batchSize?: number;
}

/** AdamW: two moments, two corrections, a root, a quotient, the decay and the step. */
const OPTIMIZER_FLOPS = 12;
const BATCH_SIZE = 32;

const STATE_COPIES = 4;

/** @throws {GraphError} for a model that is not whole */
export function inspectModel(model: Graph, options: InspectOptions = {}): Inspection {
  const names = model.inputs.flatMap(({ type }) => type.shape.filter((dim) => typeof dim === "string"));
  const types = inferTypes(model, new Map(names.map((name) => [name, 1])));
  const output = outputOf(model, undefined).name;
  const graph = unrollScans({ nodes: model.nodes, types, constants: model.initializers });
  const search: ParameterSearch = {
    initializers: model.initializers,
    constants: model.constants ?? new Set(),
    output,
    frozen: [],
    inner: (name) => name,
  };
  const parameters = parametersOf(graph, search);
  const trained = parameters.filter(({ kind }) => kind === "trained");
  const elements = trained.reduce((sum, { shape }) => sum + sizeOfShape(shape), 0);
  const active = dependents(graph, new Set(trained.map(({ name }) => name)));
  const reached = dependencies(graph, output);
  const rows = rowsOf(model);
  const total = (of: (node: AnyNode) => number) =>
    model.nodes.reduce((sum, node) => sum + of(node), 0) / rows;
  return {
    ops: countOps(model.nodes),
    parameters: { tensors: trained.length, elements },
    leftOut: findLeftOut(graph, search),
    halves: countHalves(model),
    flopsPerRow: total((node) => flopsOf(node, types)),
    memory: {
      stateBytes: STATE_COPIES * WIDTH_BYTES.float32 * elements,
      activationBytesPerRow: total((node) => bytesOf(node, types)),
    },
    withoutGradient: graph.nodes
      // A Scan that is still one is too long to write out.
      .filter(({ op }) => BACKWARD[op] === noGradient || BACKWARD[op] === isUnrolled)
      .filter((node) => node.outputs.some((name) => reached.has(name)))
      .filter((node) => readsOf(node).some((name) => active.has(name)))
      .map(({ op, name }) => ({ op, node: name })),
    ...trainStepOf(model, elements, options),
  };
}

/** None where nothing can be trained: the rest of a model is worth seeing all the same. */
function parametersOf(graph: StaticGraph, search: ParameterSearch): readonly ParameterSpec[] {
  try {
    return findParameters(graph, search).parameters;
  } catch (error) {
    if (error instanceof ProgramError && error.code === "NOTHING_TO_TRAIN") return [];
    throw error;
  }
}

function trainStepOf(
  model: Graph,
  elements: number,
  options: InspectOptions,
): Pick<Inspection, "trainStep" | "obstacle"> {
  const [rows] = model.inputs[0]?.type.shape ?? [];
  const batchSize = options.batchSize ?? (typeof rows === "number" ? rows : BATCH_SIZE);
  const inputs = new Map(model.inputs.map(({ name, type }) => [name, emptyOf(type, batchSize)]));
  try {
    const { graph } = gradientGraph(model, inputs, undefined, createPrng(1));
    const types = inferTypes(graph);
    const steps = graph.nodes.reduce((sum, node) => sum + flopsOf(node, types), 0);
    const { memory } = buildTrainProgram(model, stepOptions(model, inputs, types, batchSize));
    return { trainStep: { batchSize, flops: steps + OPTIMIZER_FLOPS * elements, memory }, obstacle: null };
  } catch (error) {
    if (!isFault(error)) throw error;
    return { trainStep: null, obstacle: reportOf(error) };
  }
}

/** Rows of the batch that the model was exported for; 1 where it leaves them open. */
function rowsOf({ inputs }: Graph): number {
  const rows = inputs[0]?.type.shape[0];
  return typeof rows === "number" && rows > 0 ? rows : 1;
}

function countOps(nodes: readonly AnyNode[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const { op } of nodes) counts.set(op, (counts.get(op) ?? 0) + 1);
  const sorted = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  return Object.fromEntries(sorted);
}

function countHalves({ halves, initializers }: Graph): Partial<Record<HalfType, number>> {
  const counts: Partial<Record<HalfType, number>> = {};
  for (const [name, half] of halves ?? []) if (initializers.has(name)) counts[half] = (counts[half] ?? 0) + 1;
  return counts;
}

function bytesOf(node: AnyNode, types: TypeByValue): number {
  return node.outputs.reduce((sum, name) => {
    const dtype = types.get(name)?.dtype;
    return sum + (dtype === undefined ? 0 : WIDTH_BYTES[dtype] * sizeOf(types, name));
  }, 0);
}

/** Only shapes are looked at. */
function emptyOf({ dtype, shape }: TensorType, batchSize: number): Tensor {
  const sizes = shape.map((dim, axis) => (typeof dim === "number" ? dim : axis === 0 ? batchSize : 1));
  return { dtype, shape: sizes, data: new Float32Array(0) };
}

/** SOURCE: PyTorch's defaults; they change no cost. */
const ADAMW = { learningRate: 1e-3, weightDecay: 1e-2, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };

function stepOptions(
  model: Graph,
  inputs: ReadonlyMap<string, Tensor>,
  types: TypeByValue,
  batchSize: number,
): ProgramOptions {
  const fields = [...inputs].map(([name, { dtype, shape }]) => ({ name, dtype, rowShape: shape.slice(1) }));
  const shape = (types.get(model.outputs[0]?.name ?? "")?.shape ?? []).map(Number);
  const options = { optimizer: { adamw: ADAMW }, batchSize };
  if (shape[0] !== batchSize) {
    return { ...options, fields, target: fields[0]?.name ?? "", loss: "model-output" };
  }
  const target = { name: "inspected target", dtype: "float32", rowShape: shape.slice(1) } as const;
  return { ...options, fields: [...fields, target], target: target.name, loss: "mean-squared-error" };
}
