/**
 * Which initializers of a model are trained.
 *
 * A parameter is a float32 initializer that leads to the output through differentiable operators. What looks like it and
 * is none: the running statistics of batch norm; constants of the graph (see Graph.constants); numbers without an axis, as
 * which exporters write the factors and epsilons of their arithmetic; and masks. The last two are a guess, so a caller may
 * say otherwise by name, and they are told wherever a model is trained.
 */
import { type LeftOutWhy, matchesAny } from "@pingo/core";
import type { OpKind } from "../graph/ops.ts";
import type { Tensor } from "../graph/tensor.ts";
import { cutOf, dependencies, type StaticGraph } from "../rules/differentiate.ts";
import { requireMatches } from "./choose.ts";
import { ProgramError } from "./fault.ts";
import type { ParameterSpec } from "./signature.ts";

/** Masks hold −10⁴, −65504, −10⁹ or −∞. Float32 is as coarse as 10⁻³ there: a train step is lost in rounding. */
const FAR = 1e4;

/** What these multiply by is no mask, whatever numbers it holds. */
const PRODUCTS: ReadonlySet<OpKind> = new Set<OpKind>(["Conv", "ConvTranspose", "Einsum", "Gemm", "MatMul"]);

/** Where to look: names are the model's, which `inner` turns into the names of the graph. */
export interface ParameterSearch {
  readonly initializers: ReadonlyMap<string, Tensor>;
  readonly constants: ReadonlySet<string>;
  readonly output: string;
  /** Patterns over names. */
  readonly frozen: readonly string[];
  /** Patterns over names of numbers and masks that are parameters all the same. */
  readonly alsoTrain?: readonly string[];
  /** Nothing else is trained, and nothing else is a statistic that training moves. */
  readonly only?: ReadonlySet<string>;
  readonly inner: (name: string) => string;
}

/** A float32 initializer that is not trained though nobody said so. */
export interface LeftOut {
  readonly name: string;
  readonly shape: readonly number[];
  readonly why: LeftOutWhy;
}

export interface Found {
  readonly parameters: readonly ParameterSpec[];
  /** None where only adapters are trained, which is no guess. */
  readonly leftOut: readonly LeftOut[];
}

type State = (ParameterSpec & { readonly why?: undefined }) | LeftOut;

/**
 * In the order of the model's initializers.
 *
 * @throws {ProgramError} NOTHING_TO_TRAIN, PATTERN_UNMATCHED
 */
export function findParameters(graph: StaticGraph, search: ParameterSearch): Found {
  const { output, frozen, alsoTrain = [], only, inner } = search;
  const states = statesOf(graph, search);
  const parameters = states.flatMap((state) => (state.why === undefined ? [state] : []));
  requireMatches(
    "alsoTrain",
    alsoTrain,
    states.flatMap(({ name, why }) => (why === "unreached" ? [] : [name])),
  );
  requireMatches(
    "freeze",
    frozen,
    parameters.map(({ name }) => name),
  );
  const kept = parameters.filter(
    ({ name }) => !matchesAny(frozen, name) && (only === undefined || only.has(name)),
  );
  if (kept.some(({ kind }) => kind === "trained"))
    return { parameters: kept, leftOut: only === undefined ? leftOutOf(states, frozen) : [] };
  const lost = states.flatMap(({ name, why }) => (why === "unreached" ? [inner(name)] : []));
  const cut = parameters.length > 0 ? undefined : cutOf(graph, inner(output), new Set(lost));
  throw new ProgramError({
    code: "NOTHING_TO_TRAIN",
    output,
    cut: cut === undefined ? null : { op: cut.op, node: cut.name },
    leftOut: states.flatMap(({ name, why }) => (why === "number" || why === "mask" ? [name] : [])),
  });
}

/** In the order of the model's initializers. */
export function findLeftOut(graph: StaticGraph, search: ParameterSearch): readonly LeftOut[] {
  return leftOutOf(statesOf(graph, search), search.frozen);
}

/** What is frozen by name is no guess. */
function leftOutOf(states: readonly State[], frozen: readonly string[]): readonly LeftOut[] {
  return states.flatMap((state) =>
    state.why === undefined || matchesAny(frozen, state.name) ? [] : [state],
  );
}

/** The float32 initializers that are no constants of the graph, by what becomes of them. */
function statesOf(
  graph: StaticGraph,
  { initializers, constants, output, alsoTrain = [], inner }: ParameterSearch,
): readonly State[] {
  const reached = dependencies(graph, inner(output));
  const statistics = runningStatistics(graph, reached);
  const factors = new Set(
    graph.nodes.flatMap(({ op, inputs }) => (PRODUCTS.has(op) ? inputs.slice(0, 2) : [])),
  );
  const states: State[] = [];
  for (const [name, tensor] of initializers) {
    if (constants.has(name) || tensor.dtype !== "float32" || tensor.data.length === 0) continue;
    const { shape } = tensor;
    if (!reached.has(inner(name))) states.push({ name, shape, why: "unreached" });
    else if (statistics.has(inner(name))) states.push({ name, shape, kind: "statistic" });
    else if (matchesAny(alsoTrain, name)) states.push({ name, shape, kind: "trained" });
    else if (shape.length === 0) states.push({ name, shape, why: "number" });
    else if (!factors.has(inner(name)) && isMask(tensor)) states.push({ name, shape, why: "mask" });
    else states.push({ name, shape, kind: "trained" });
  }
  return states;
}

function runningStatistics(graph: StaticGraph, reached: ReadonlySet<string>): ReadonlySet<string> {
  const norms = graph.nodes.filter(
    (node) => node.op === "BatchNormalization" && reached.has(node.outputs[0] ?? ""),
  );
  return new Set(norms.flatMap((node) => node.inputs.slice(3, 5)));
}

/**
 * A mask has one number that is to outweigh all others: −∞, or one far below 0, or far from 0 and alone. A weight that has
 * grown so far has other such numbers too, or one above 0 among small ones.
 */
function isMask({ data }: Tensor): boolean {
  const far = new Set<number>();
  let isAlone = true;
  for (const value of data) {
    const number = Number(value);
    if (!Number.isFinite(number)) return true;
    if (Math.abs(number) < FAR) isAlone = false;
    else if (far.size < 2) far.add(number);
  }
  const [first = 0] = far;
  return far.size === 1 && (first < 0 || isAlone);
}
