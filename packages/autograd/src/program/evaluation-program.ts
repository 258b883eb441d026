/**
 * Loss and accuracy of a model over any number of rows, as one ONNX graph: a Scan over batches.
 *
 *   inputs   w/i, s/i (as in the train program), field/<name> [rows, …]
 *   outputs  lossSum f32[], correct int64[], count int64[], over all targets of all rows
 *
 * The last batch is filled up with copies of the last row, which count for nothing; memory stays that of a batch.
 */
import { assertDefined } from "@pingo/core";
import type { AnyNode, Graph, GraphValue } from "../graph/graph.ts";
import { verifyGraph } from "../graph/verify.ts";
import { softmaxCrossEntropy } from "../objective/softmax-cross-entropy.ts";
import { writeModel } from "../onnx/writer.ts";
import { Emitter, range, sizeOf, type Value } from "../rules/emitter.ts";
import {
  emitBatch,
  fieldInputs,
  innerName,
  type ModelStep,
  modelStep,
  type ProgramOptions,
} from "./model-step.ts";
import type { ProgramSignature } from "./signature.ts";
import { splitConstant } from "./split-constant.ts";

export interface EvaluationProgram {
  /** ONNX, at CANONICAL_OPSET. */
  readonly graph: Uint8Array;
  readonly signature: ProgramSignature;
}

const SUMS = [
  { name: "lossSum", dtype: "float32" },
  { name: "correct", dtype: "int64" },
  { name: "count", dtype: "int64" },
] as const;

/** @throws {ProgramError | GraphError} naming what to change */
export function buildEvaluationProgram(model: Graph, options: ProgramOptions): EvaluationProgram {
  const step = modelStep(model, options);
  const graph = evaluationGraph(model, step, options);
  verifyGraph(graph);
  return { graph: writeModel(graph), signature: step.signature };
}

function evaluationGraph(model: Graph, step: ModelStep, options: ProgramOptions): Graph {
  const emit = new Emitter("evaluate");
  const first: Value = { name: "first", dtype: "int64", shape: [] };
  const total: Value = { name: "rowCount", dtype: "int64", shape: [] };
  const wanted = emit.add2(first, emit.integers(range(options.batchSize)));
  const rows = emit.binary("Min", wanted, emit.shift(total, -1));
  const { target } = emitBatch(emit, step, model.inputs, rows);
  const before = emit.nodes.splice(0);

  const objective = softmaxCrossEntropy(emit, step.logits, target, step.classAxis);
  const perRow = sizeOf(target.shape) / options.batchSize;
  const isRow = emit.reshape(emit.compare("Less", wanted, total), [options.batchSize, 1]);
  const counts = emit.reshape(emit.expand(isRow, [options.batchSize, perRow]), [sizeOf(target.shape)]);
  const sums = [
    emit.where(counts, objective.losses, emit.scalar(0)),
    emit.cast(emit.node("And", [counts, objective.correct], {}, "bool", counts.shape), "int64"),
    emit.cast(counts, "int64"),
  ].map((terms) => emit.sum(terms, [0]));
  const made = SUMS.map(({ name, dtype }, i) => {
    const before: Value = { name: `${name}/before`, dtype, shape: [] };
    return { before, after: emit.add2(before, assertDefined(sums[i], name)) };
  });

  const parameters = new Set(step.parameters.map(({ name }) => innerName(name)));
  const constants = new Map([...step.graph.constants, ...emit.constants]);
  const outputs = made.map(({ after }) => after.name);
  // A parameter is no constant, but the same for every batch: what depends on it alone is computed once too.
  for (const name of parameters) constants.delete(name);
  const nodes = [...before, ...step.graph.nodes, ...emit.nodes.splice(0)];
  const split = splitConstant(nodes, constants, outputs, parameters);
  const body: Graph = {
    name: "batch",
    inputs: [...made.map(({ before }) => graphValue(before)), graphValue(first)],
    outputs: made.map(({ after }) => graphValue(after)),
    initializers: split.insideConstants,
    nodes: split.inside,
  };
  return outerGraph(step, options, split, body);
}

function outerGraph(
  step: ModelStep,
  options: ProgramOptions,
  split: ReturnType<typeof splitConstant>,
  body: Graph,
): Graph {
  const emit = new Emitter("batches");
  const source = `field/${options.target}`;
  const zeroFloat = emit.scalar(0);
  const zero = emit.scalar(0, "int64");
  const size = emit.scalar(options.batchSize, "int64");
  const named: AnyNode[] = [
    {
      op: "Shape",
      name: "rowCounts",
      inputs: [source],
      outputs: ["rowCounts"],
      attributes: { start: 0, end: 1 },
    },
    { op: "Squeeze", name: "rowCount", inputs: ["rowCounts"], outputs: ["rowCount"], attributes: {} },
    {
      op: "Range",
      name: "firsts",
      inputs: [zero.name, "rowCount", size.name],
      outputs: ["firsts"],
      attributes: {},
    },
    // The body reads parameters under the model's names.
    ...step.parameters.map(({ name, kind }, i): AnyNode => {
      const border = kind === "trained" ? `w/${i}` : `s/${i}`;
      const inner = innerName(name);
      return { op: "Identity", name: inner, inputs: [border], outputs: [inner], attributes: {} };
    }),
    ...split.outside,
    {
      op: "Scan",
      name: "batches",
      inputs: [zeroFloat.name, zero.name, zero.name, "firsts"],
      outputs: SUMS.map(({ name }) => name),
      attributes: { body, num_scan_inputs: 1 },
    },
  ];
  return {
    name: "pingo-evaluate",
    inputs: [
      ...step.parameters.map(({ shape, kind }, i): GraphValue => {
        return { name: kind === "trained" ? `w/${i}` : `s/${i}`, type: { dtype: "float32", shape } };
      }),
      ...fieldInputs(options.fields, new Set([...split.read, source])),
    ],
    outputs: SUMS.map(({ name, dtype }) => ({ name, type: { dtype, shape: [] } })),
    initializers: new Map([...split.outsideConstants, ...emit.constants]),
    nodes: named,
  };
}

function graphValue({ name, dtype, shape }: Value): GraphValue {
  return { name, type: { dtype, shape } };
}
