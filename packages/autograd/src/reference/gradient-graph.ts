/**
 * A model's loss and the gradients of its parameters as one plain graph: what a train step computes, without the
 * optimizer. Batch norm and dropout are in training mode, the latter with one fixed mask.
 */
import { assertDefined, type Loss, type Prng } from "@pingo/core";
import { composeGraph } from "../compose/compose.ts";
import { showShape } from "../graph/fault.ts";
import type { AnyNode, Graph } from "../graph/graph.ts";
import { readsOf } from "../graph/reads.ts";
import { unifyShapes } from "../graph/shape.ts";
import type { DType, Tensor } from "../graph/tensor.ts";
import { OBJECTIVES } from "../objective/objectives.ts";
import { bindBatch } from "../program/bind-batch.ts";
import { outputOf } from "../program/model-step.ts";
import { inferenceMode } from "../program/modes.ts";
import { findParameters } from "../program/parameters.ts";
import type { FieldSpec, ParameterSpec } from "../program/signature.ts";
import { trainingMode } from "../program/training-mode.ts";
import { unrollScans } from "../program/unroll-scans.ts";
import { differentiate } from "../rules/differentiate.ts";
import { Emitter, range, sizeOf, typedValue, type Value } from "../rules/emitter.ts";
import { CheckError } from "./check-fault.ts";

/** The loss, with the target it is taken against; without one it is a sum of the first output with random weights. */
export interface CheckedLoss {
  readonly loss: Loss;
  /** None where the model's output is the loss itself. */
  readonly target?: { readonly name: string; readonly tensor: Tensor };
}

export interface GradientGraph {
  /** Inputs: the model's. Outputs: `loss`, then the gradients. */
  readonly graph: Graph;
  readonly loss: string;
  readonly gradients: readonly { readonly parameter: ParameterSpec; readonly gradient: string }[];
}

/** @throws {ProgramError | GradientError | GraphError | CheckError} */
export function gradientGraph(
  model: Graph,
  inputs: ReadonlyMap<string, Tensor>,
  objective: CheckedLoss | undefined,
  prng: Prng,
  alsoTrain: readonly string[] = [],
): GradientGraph {
  const bound = unrollScans(bindInputs(model, inputs));
  const emit = new Emitter("check");
  const composed = composeGraph(bound, model);
  const mode = trainingMode(composed, emit, { key: emit.scalar(1, "int64") });
  const before = emit.nodes.splice(0);
  const output = outputOf(model, undefined).name;
  const y = typedValue(bound.types, output);
  const { loss, gradient } = objective === undefined ? randomSum(emit, y, prng) : lossOf(emit, y, objective);
  const found = findParameters(bound, {
    initializers: model.initializers,
    constants: model.constants ?? new Set(),
    output,
    frozen: [],
    alsoTrain,
    inner: (name) => name,
  });
  const parameters = found.parameters.filter(({ kind }) => kind === "trained");
  const wanted = new Set(parameters.map(({ name }) => name));
  const backward = differentiate(mode.graph, new Map([[output, gradient]]), wanted, emit);
  const gradients = parameters.map((parameter) => {
    const value = assertDefined(backward.gradients.get(parameter.name), `a gradient for "${parameter.name}"`);
    // Two parameters may share one gradient; each output is a value of its own.
    return { parameter, value: emit.node("Identity", [value], {}, value.dtype, value.shape) };
  });
  const results = [loss, ...gradients.map(({ value }) => value)];
  const graph = prunedGraph(
    {
      name: "gradients",
      inputs: model.inputs.map(({ name }) => ({ name, type: assertDefined(bound.types.get(name), name) })),
      outputs: results.map(({ name, dtype, shape }) => ({ name, type: { dtype, shape } })),
      initializers: new Map([...composed.constants, ...emit.constants]),
      nodes: [...before, ...backward.nodes, ...emit.nodes],
    },
    results.map(({ name }) => name),
  );
  return {
    graph,
    loss: loss.name,
    gradients: gradients.map(({ parameter, value }) => ({ parameter, gradient: value.name })),
  };
}

function bindInputs(model: Graph, inputs: ReadonlyMap<string, Tensor>) {
  let exportedBatch: number | undefined;
  let batch = 1;
  const fields = model.inputs.map(({ name, type }): [string, FieldSpec] => {
    const given = inputs.get(name);
    if (given === undefined) throw new CheckError({ code: "CHECK_INPUT_MISSING", input: name });
    if (
      given.dtype !== type.dtype ||
      unifyShapes(type.shape.with(0, given.shape[0] ?? 1), given.shape) === undefined
    ) {
      const found = `${given.dtype}${showShape(given.shape)}`;
      const expected = `${type.dtype}${showShape(type.shape)}`;
      throw new CheckError({ code: "CHECK_INPUT_MISFIT", input: name, found, expected });
    }
    const [size = 1, ...rowShape] = given.shape;
    batch = size;
    if (typeof type.shape[0] === "number") exportedBatch = type.shape[0];
    return [name, { name, dtype: given.dtype, rowShape }];
  });
  const target: FieldSpec = { name: "", dtype: "int64", rowShape: [] };
  const match = { target, fieldByInput: new Map(fields), exportedBatch };
  return bindBatch(inferenceMode(model), match, batch);
}

interface Emitted {
  readonly loss: Value;
  readonly gradient: Value;
}

/** Σ c ⊙ y with c random: any error of any output's gradient shows. */
function randomSum(emit: Emitter, y: Value, prng: Prng): Emitted {
  const data = Float32Array.from({ length: sizeOf(y.shape) }, () => 2 * prng.float() - 1);
  const weights = emit.constant({ dtype: "float32", shape: y.shape, data });
  return { loss: emit.sum(emit.mul(weights, y), range(y.shape.length)), gradient: weights };
}

function lossOf(emit: Emitter, y: Value, { loss, target }: CheckedLoss): Emitted {
  const rule = OBJECTIVES[loss];
  const zeros = {
    dtype: "float32",
    shape: [sizeOf(y.shape)],
    data: new Float32Array(sizeOf(y.shape)),
  } as const;
  const tensor = target?.tensor ?? zeros;
  const bound = rule.bind({ output: y.shape, target: tensor.shape, settings: {} });
  if ("why" in bound)
    throw new CheckError({ code: "CASE_INVALID", why: `the loss does not fit: ${bound.why}` });
  const wanted: DType = rule.target === "classes" ? "int64" : "float32";
  const given = emit.reshape(emit.cast(emit.constant(tensor), wanted), bound.targetShape);
  const emitted = bound.emit(emit, y, given);
  return { loss: emitted.loss(), gradient: emitted.gradient() };
}

/** The graph with only what these outputs need. */
export function prunedGraph(graph: Graph, outputs: readonly string[]): Graph {
  const needed = new Set(outputs);
  const nodes: AnyNode[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((name) => needed.has(name))) continue;
    for (const name of readsOf(node)) needed.add(name);
    nodes.push(node);
  }
  return {
    ...graph,
    outputs: graph.outputs.filter(({ name }) => outputs.includes(name)),
    initializers: new Map([...graph.initializers].filter(([name]) => needed.has(name))),
    nodes: nodes.reverse(),
  };
}
