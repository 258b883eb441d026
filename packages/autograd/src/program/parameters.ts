/**
 * Which initializers of a model are trained.
 *
 * A parameter is a float32 initializer with at least one axis that leads to the output through differentiable
 * operators. Three things look like it and are none: the running statistics of batch norm, constants of the graph
 * (see Graph.constants), and masks, which a file keeps beside the weights: they hold a number that no step can move.
 */
import { matchesAny } from "@pingo/core";
import type { Tensor } from "../graph/tensor.ts";
import { dependencies, type StaticGraph } from "../rules/differentiate.ts";
import { requireMatches } from "./choose.ts";
import { ProgramError } from "./fault.ts";
import type { ParameterSpec } from "./signature.ts";

/** Masks hold −10⁴, −65504, −10⁹ or −∞. Float32 is as coarse as 10⁻³ there: a train step is lost in rounding. */
const WEIGHT_MAX = 1e4;

/** Where to look: names are the model's, which `inner` turns into the names of the graph. */
export interface ParameterSearch {
  readonly initializers: ReadonlyMap<string, Tensor>;
  readonly constants: ReadonlySet<string>;
  readonly output: string;
  /** Patterns over names. */
  readonly frozen: readonly string[];
  /** Nothing else is trained, and nothing else is a statistic that training moves. */
  readonly only?: ReadonlySet<string>;
  readonly inner: (name: string) => string;
}

/**
 * In the order of the model's initializers.
 *
 * @throws {ProgramError} NOTHING_TO_TRAIN, PATTERN_UNMATCHED
 */
export function findParameters(
  graph: StaticGraph,
  { initializers, constants, output, frozen, only, inner }: ParameterSearch,
): readonly ParameterSpec[] {
  const reached = dependencies(graph, inner(output));
  const statistics = runningStatistics(graph, reached);
  const parameters: ParameterSpec[] = [];
  for (const [name, tensor] of initializers) {
    if (constants.has(name) || !reached.has(inner(name)) || tensor.dtype !== "float32") continue;
    const { shape } = tensor;
    if (statistics.has(inner(name))) parameters.push({ name, shape, kind: "statistic" });
    else if (isWeight(tensor)) parameters.push({ name, shape, kind: "trained" });
  }
  requireMatches(
    "freeze",
    frozen,
    parameters.map(({ name }) => name),
  );
  const kept = parameters.filter(
    ({ name }) => !matchesAny(frozen, name) && (only === undefined || only.has(name)),
  );
  if (!kept.some(({ kind }) => kind === "trained"))
    throw new ProgramError({ code: "NOTHING_TO_TRAIN", output });
  return kept;
}

function runningStatistics(graph: StaticGraph, reached: ReadonlySet<string>): ReadonlySet<string> {
  const norms = graph.nodes.filter(
    (node) => node.op === "BatchNormalization" && reached.has(node.outputs[0] ?? ""),
  );
  return new Set(norms.flatMap((node) => node.inputs.slice(3, 5)));
}

function isWeight({ shape, data }: Tensor): boolean {
  if (shape.length === 0 || data.length === 0) return false;
  for (const value of data) if (!(Math.abs(Number(value)) < WEIGHT_MAX)) return false;
  return true;
}
