/** One pass through the model and back: from the rows of a batch to its loss and its gradients, as nodes. */
import { assertDefined } from "@pingo/core";
import type { AnyNode } from "../graph/graph.ts";
import type { EmittedObjective } from "../objective/objective.ts";
import { differentiate } from "../rules/differentiate.ts";
import type { Emitter, Value } from "../rules/emitter.ts";
import { differentiateInParts } from "../rules/recompute.ts";
import { emitBatch, innerName, type ModelStep } from "./model-step.ts";
import { noiseKey, trainingMode } from "./training-mode.ts";

export interface PassSite {
  readonly step: ModelStep;
  /** int64[rows of the pass], each a row of the data set. */
  readonly rows: Value;
  /** f32[], 1 for the first step. */
  readonly number: Value;
  /** That the forward pass is cut into, to compute all but the last again on the way back. */
  readonly parts: number;
}

export interface Pass {
  /** f32[] */
  readonly loss: Value;
  /** By the parameter's name inside the step, for each that is trained. */
  readonly gradients: ReadonlyMap<string, Value>;
  /** What each running statistic becomes, by its name inside the step. */
  readonly nextStatistics: ReadonlyMap<string, Value>;
}

/** What a pass starts back from. */
export interface Seed {
  readonly loss: Value;
  /** f32, of the output's shape. */
  readonly gradient: Value;
}

export function plainSeed(objective: EmittedObjective): Seed {
  return { loss: objective.loss(), gradient: objective.gradient() };
}

/**
 * int64[], of the program: 0, or far past every row, and then the gather of a pass's rows ends the whole call. It is read
 * from around the Scan, so that who shares its memory can raise it while the call runs.
 */
export const STOP: Value = { name: "stop", dtype: "int64", shape: [] };

/** Leaves its nodes in `emit`. */
export function emitPass(
  emit: Emitter,
  { step, rows, number, parts }: PassSite,
  seedOf: (objective: EmittedObjective) => Seed,
): Pass {
  const earlier = emit.nodes.splice(0);
  const { target } = emitBatch(emit, step, emit.add2(rows, STOP));
  const noise = { key: noiseKey(emit, rows, number) };
  const mode = trainingMode(step.graph, emit, noise, step.frozen);
  const before: readonly AnyNode[] = emit.nodes.splice(0);
  const seed = seedOf(step.objective.emit(emit, step.output, target));
  const trained = trainedNames(step);
  const seeds = new Map([[step.output.name, seed.gradient]]);
  const wanted = new Set(trained);
  const { nodes: forward, gradients } =
    parts === 1
      ? differentiate(mode.graph, seeds, wanted, emit)
      : differentiateInParts(mode.graph, seeds, wanted, emit, parts);
  const back = emit.nodes.splice(0);
  // One by one: a model may have more nodes than a call has arguments.
  for (const node of [...earlier, ...before, ...forward, ...back]) emit.nodes.push(node);
  return {
    loss: seed.loss,
    gradients: new Map(
      trained.map((name) => [name, assertDefined(gradients.get(name), `a gradient for "${name}"`)]),
    ),
    nextStatistics: mode.nextStatistics,
  };
}

/** Inside the step, in the order of the signature. */
export function trainedNames({ parameters }: ModelStep): readonly string[] {
  return parameters.filter(({ kind }) => kind === "trained").map(({ name }) => innerName(name));
}
