/**
 * Gradient accumulation: one step's batch in several passes of fewer rows, so that only one pass's activations are
 * in memory at a time.
 *
 * A Scan over micro-batches inside the step; what it carries are the sums of the gradients, the running statistics
 * and the loss. Where targets weigh differently, each pass counts by its own weight, so that the mean is the whole
 * batch's, not that of the passes.
 */
import { assertDefined } from "@pingo/core";
import type { Graph } from "../graph/graph.ts";
import { type EmittedObjective, WEIGHT_MIN } from "../objective/objective.ts";
import { Emitter, type Value } from "../rules/emitter.ts";
import { innerName } from "./model-step.ts";
import { emitPass, type Pass, type PassSite, type Seed, trainedNames } from "./pass.ts";
import { splitConstant } from "./split-constant.ts";

/** Carried from pass to pass. */
interface Carried {
  /** Before the first, in the step. */
  readonly first: Value;
  /** In a pass: what comes in, and what goes on. */
  readonly before: Value;
  readonly after: Value;
  /** After the last, in the step. */
  readonly last: Value;
}

/** The name in the step of a statistic that the passes carry under its own. */
export function statisticBefore(name: string): string {
  return `before/${name}`;
}

/** @param site  its rows are those of the whole step; leaves its nodes in `emit` */
export function emitAccumulated(emit: Emitter, site: PassSite, microBatches: number): Pass {
  const { step } = site;
  const pass = new Emitter("pass");
  const rows: Value = { name: "microBatch", dtype: "int64", shape: [step.passRows] };
  const carried: Carried[] = [];
  let total: Value | undefined;
  const carry = (name: string, after: (before: Value) => Value, first?: Value): Carried => {
    const shape = first?.shape ?? [];
    const before: Value = { name, dtype: "float32", shape };
    const start = first ?? emit.scalar(0);
    const one = { first: start, before, after: after(before), last: { ...before, name: `${name}/last` } };
    carried.push(one);
    return one;
  };
  const emitted = emitPass(pass, { ...site, rows }, (objective) => {
    const weighed = weighedSeed(pass, objective, microBatches);
    total = weighed.total;
    return weighed;
  });
  const sumOf = (name: string, value: Value, first?: Value) =>
    carry(name, (before) => pass.add2(before, value), first).last;
  const loss = sumOf("sum/loss", emitted.loss);
  const weight = total && sumOf("sum/weight", total);
  const sums = trainedNames(step).map((name, i): [string, Value] => {
    const gradient = assertDefined(emitted.gradients.get(name), name);
    return [name, sumOf(`sum/${i}`, gradient, emit.zeros("float32", gradient.shape))];
  });
  const statistics = step.parameters
    .filter(({ kind }) => kind === "statistic")
    .map(({ name, shape }): [string, Value] => {
      const inner = innerName(name);
      const first: Value = { name: statisticBefore(inner), dtype: "float32", shape };
      const next = carry(inner, (before) => emitted.nextStatistics.get(inner) ?? before, first);
      return [inner, next.last];
    });
  emitScan(emit, pass, carried, { site, rows, microBatches });
  const divisor = weight && emit.binary("Max", weight, emit.scalar(WEIGHT_MIN));
  const mean = (sum: Value) => (divisor === undefined ? sum : emit.div(sum, divisor));
  return {
    loss: mean(loss),
    gradients: new Map(sums.map(([name, sum]) => [name, mean(sum)])),
    nextStatistics: new Map(statistics),
  };
}

/** Of equal passes each counts 1/n, which is cheapest at the seed; else what they weigh is known at the end. */
function weighedSeed(
  emit: Emitter,
  objective: EmittedObjective,
  microBatches: number,
): Seed & { readonly total?: Value } {
  const [loss, gradient] = [objective.loss(), objective.gradient()];
  if (objective.weights === undefined) {
    const share = 1 / microBatches;
    return { loss: emit.scale(loss, share), gradient: emit.scale(gradient, share) };
  }
  const total = emit.sum(objective.weights, [0]);
  return { loss: emit.mul(loss, total), gradient: emit.mul(gradient, total), total };
}

function emitScan(
  emit: Emitter,
  pass: Emitter,
  carried: readonly Carried[],
  { site, rows, microBatches }: { site: PassSite; rows: Value; microBatches: number },
): void {
  const { step, number } = site;
  // A statistic that nothing moves is passed on, and an output must be a value of its own.
  const outputs = carried.map(({ before, after }) =>
    after.name === before.name ? pass.node("Identity", [before], {}, "float32", before.shape) : after,
  );
  const parameters = trainedNames(step);
  const constants = new Map([...step.graph.constants, ...pass.constants]);
  for (const name of [...parameters, ...carried.map(({ before }) => before.name)]) constants.delete(name);
  const split = splitConstant(
    pass.nodes,
    constants,
    outputs.map(({ name }) => name),
    new Set([...parameters, number.name]),
  );
  for (const node of split.outside) emit.nodes.push(node);
  for (const [name, tensor] of split.outsideConstants) emit.constants.set(name, tensor);
  const body: Graph = {
    name: "pass",
    inputs: [...carried.map(({ before }) => graphValue(before)), graphValue(rows)],
    outputs: outputs.map(graphValue),
    initializers: split.insideConstants,
    nodes: split.inside,
  };
  const cut = emit.reshape(site.rows, [microBatches, step.passRows]);
  emit.add({
    op: "Scan",
    name: "passes",
    inputs: [...carried.map(({ first }) => first.name), cut.name],
    outputs: carried.map(({ last }) => last.name),
    attributes: { body, num_scan_inputs: 1 },
  });
}

function graphValue({ name, dtype, shape }: Value) {
  return { name, type: { dtype, shape } };
}
