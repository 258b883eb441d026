/**
 * Loss and accuracy of a model over any number of rows, as one ONNX graph: a Scan over batches.
 *
 *   inputs   w/i, s/i (as in the train program), field/<name> [rows, …]
 *   outputs  lossSum f32[], count int64[] over all targets of all rows; correct int64[] where an answer can be right;
 *            weightSum f32[] where targets weigh differently: what lossSum is divided by in place of count
 *
 * The last batch is filled up with copies of the last row, which count for nothing; memory stays that of a batch.
 */
import type { AnyNode, Graph, GraphValue } from "../graph/graph.ts";
import { verifyGraph } from "../graph/verify.ts";
import type { EmittedObjective } from "../objective/objective.ts";
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

/** @throws {ProgramError | GraphError} naming what to change */
export function buildEvaluationProgram(model: Graph, options: ProgramOptions): EvaluationProgram {
  const step = modelStep(model, options);
  const graph = evaluationGraph(step, options);
  verifyGraph(graph);
  return { graph: writeModel(graph), signature: step.signature };
}

function evaluationGraph(step: ModelStep, options: ProgramOptions): Graph {
  const emit = new Emitter("evaluate");
  const first: Value = { name: "first", dtype: "int64", shape: [] };
  const total: Value = { name: "rowCount", dtype: "int64", shape: [] };
  const wanted = emit.add2(first, emit.integers(range(step.passRows)));
  const rows = emit.binary("Min", wanted, emit.shift(total, -1));
  const { target } = emitBatch(emit, step, rows);
  const before = emit.nodes.splice(0);

  const isRow = emit.compare("Less", wanted, total);
  const sums = emitSums(emit, step.objective.emit(emit, step.output, target), isRow);
  const made = sums.map(({ name, sum }): Running => {
    const before: Value = { name: `${name}/before`, dtype: sum.dtype, shape: [] };
    return { name, before, after: emit.add2(before, sum) };
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
  return outerGraph(step, options, split, { made, body });
}

/** A sum that the Scan carries from batch to batch. */
interface Running {
  readonly name: string;
  readonly before: Value;
  readonly after: Value;
}

/** Of one batch, over the rows that are not there to fill it up. */
function emitSums(emit: Emitter, objective: EmittedObjective, isRow: Value) {
  const { losses, weights, counted, correct } = objective;
  const [rows, positions] = [sizeOf(isRow.shape), sizeOf(losses.shape)];
  const spread = emit.expand(emit.reshape(isRow, [rows, 1]), [rows, positions / rows]);
  const inRow = emit.reshape(spread, [positions]);
  const both = (a: Value, b: Value) => emit.node("And", [a, b], {}, "bool", [positions]);
  const counts = counted === undefined ? inRow : both(inRow, counted);
  const total = (name: string, terms: Value) => ({ name, sum: emit.sum(terms, [0]) });
  return [
    total("lossSum", emit.where(counts, losses, emit.scalar(0))),
    ...(weights ? [total("weightSum", emit.where(counts, weights, emit.scalar(0)))] : []),
    ...(correct ? [total("correct", emit.cast(both(counts, correct), "int64"))] : []),
    total("count", emit.cast(counts, "int64")),
  ];
}

function outerGraph(
  step: ModelStep,
  options: ProgramOptions,
  split: ReturnType<typeof splitConstant>,
  { made, body }: { readonly made: readonly Running[]; readonly body: Graph },
): Graph {
  const emit = new Emitter("batches");
  const source = `field/${options.target}`;
  const zero = emit.scalar(0, "int64");
  const size = emit.scalar(step.passRows, "int64");
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
      inputs: [
        ...made.map(({ before }) => (before.dtype === "int64" ? zero : emit.scalar(0)).name),
        "firsts",
      ],
      outputs: made.map(({ name }) => name),
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
    outputs: made.map(({ name, before: { dtype } }) => ({ name, type: { dtype, shape: [] } })),
    initializers: new Map([...split.outsideConstants, ...emit.constants]),
    nodes: named,
  };
}

function graphValue({ name, dtype, shape }: Value): GraphValue {
  return { name, type: { dtype, shape } };
}
