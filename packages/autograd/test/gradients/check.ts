/**
 * Compares the gradient of one node with a central difference along a random direction.
 *
 * With c random and L(x) = Σ c ⊙ f(x): (L(x + εu) − L(x − εu)) / 2ε must be ⟨∂L/∂x, u⟩. Both sides are taken from the
 * float64 evaluator, so what is left is the error of the rule; what ONNX Runtime makes of the same backward graph in
 * float32 is compared with that element by element.
 */
import { createPrng } from "@pingo/core";
import { composeGraph } from "../../src/compose/compose.ts";
import type { AnyNode, Graph, GraphValue } from "../../src/graph/graph.ts";
import type { OpAttributes, OpKind } from "../../src/graph/ops.ts";
import type { Tensor, TensorType } from "../../src/graph/tensor.ts";
import { verifyGraph } from "../../src/graph/verify.ts";
import { unrollScans } from "../../src/program/unroll-scans.ts";
import { evaluate } from "../../src/reference/evaluate.ts";
import { type ReferenceValue, reals, referenceOf } from "../../src/reference/value.ts";
import { differentiate } from "../../src/rules/differentiate.ts";
import { Emitter, typedValue, type Value } from "../../src/rules/emitter.ts";
import type { noGradient, stopsGradient } from "../../src/rules/rule.ts";
import type { Backend } from "../../src/runtime/ort.ts";
import { f32, floatsOf, node, runGraph } from "../run-graph.ts";
import type { Draw } from "./draw.ts";

export interface Case<K extends OpKind> {
  /** "" stands for an optional input left out; float32 inputs are varied unless listed in `fixed`. */
  readonly inputs: readonly (Tensor | "")[];
  readonly attributes: OpAttributes[K];
  readonly fixed?: readonly number[];
  readonly outputs?: number;
  /** It has a bound that a number computed inside may lie at, where no difference tells the slope. */
  readonly mayKink?: boolean;
}

/** A case maker for each operator of a family, or why there is none. */
export type GradientCases<K extends OpKind> = {
  readonly [P in K]: ((draw: Draw) => Case<P>) | typeof stopsGradient | typeof noGradient;
};

/** Its square is the error of a smooth difference; rounding is 1e-16 over it. */
const STEP = 1e-5;

export interface GradientErrors {
  /** |difference − derivative|, over the size of the derivative that a random direction would have. */
  readonly difference: number;
  /** Of float32 against float64, over the largest element of all gradients. */
  readonly rounding: number;
  /** The steps forwards and backwards find two slopes, in a case that may have such a place. */
  readonly isKinked: boolean;
}

/** Of two slopes: their mean is off by half of it. A smooth function's differ by its curvature times STEP. */
const KINK = 2e-5;

/** The distance between the gradients of a case and of the same case computed in float64 inside the graph. */
export function wideningError<K extends OpKind>(op: K, checked: Case<K>): number {
  const { graph, varied, outputs } = caseGraph(op, checked);
  const given = new Map([...varied].map(([name, x]) => [name, referenceOf(x)]));
  const gradientsOf = (one: Graph) => {
    const types = verifyGraph(one);
    const ones = outputs.map((name): [string, Tensor] => {
      const { shape } = typedValue(types, name);
      return [name, f32(shape, new Array<number>(shape.reduce((a, b) => a * b, 1)).fill(1))];
    });
    const { backward, gradients } = backwardGraph(one, types, new Map(ones), new Set(varied.keys()));
    const results = evaluate(backward, given);
    return gradients.map(([name, value]) => [name, elementsOf(results.get(value.name))] as const);
  };
  const wide = new Map(gradientsOf(widened(graph, varied)));
  const errors = gradientsOf(graph).flatMap(([name, gradient]) =>
    gradient.map((element, i) => {
      const error = Math.abs(element - (wide.get(name)?.[i] ?? Number.NaN));
      return error / Math.max(1, Math.abs(element));
    }),
  );
  return errors.reduce((worst, error) => (error <= worst ? worst : error), 0); // NaN too
}

/** What is varied is cast to float64 before the node, and its float64 results back to float32 after it. */
function widened(graph: Graph, varied: ReadonlyMap<string, Tensor>): Graph {
  const wideName = (name: string) => (varied.has(name) ? `wide/${name}` : name);
  const nodes = graph.nodes.map((one) => {
    const outputs = one.outputs.map((name) => `wide/${name}`);
    const attributes =
      one.op === "Scan" ? { ...one.attributes, body: widenedBody(one.attributes.body) } : one.attributes;
    // SAFETY: the same node, other values.
    return { ...one, inputs: one.inputs.map(wideName), outputs, attributes } as AnyNode;
  });
  return {
    ...graph,
    nodes: [
      ...[...varied.keys()].map((name) => node("Cast", [name], [wideName(name)], { to: "float64" })),
      ...nodes,
      ...graph.outputs.map(({ name, type }) => ({
        ...node("Cast", [`wide/${name}`], [name], { to: type.dtype }),
        name: `narrow/${name}`,
      })),
    ],
  };
}

function widenedBody(body: Graph): Graph {
  const wide = ({ name, type }: GraphValue): GraphValue => ({ name, type: { ...type, dtype: "float64" } });
  return { ...body, inputs: body.inputs.map(wide), outputs: body.outputs.map(wide) };
}

/** @param backend  whose rounding is measured */
export async function gradientErrors<K extends OpKind>(
  op: K,
  checked: Case<K>,
  seed: number,
  backend: Backend = "native",
): Promise<GradientErrors> {
  const { graph, varied, outputs } = caseGraph(op, checked);
  const types = verifyGraph(graph);
  const prng = createPrng(seed ^ 0x5eed);
  const random = (shape: readonly number[]) =>
    f32(
      shape,
      Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 2 * prng.float() - 1),
    );
  const weights = new Map(outputs.map((name) => [name, random(typedValue(types, name).shape)]));
  const { backward, gradients } = backwardGraph(graph, types, weights, new Set(varied.keys()));
  const given = new Map([...varied].map(([name, x]) => [name, referenceOf(x)]));
  const exact = evaluate(backward, given);
  const computed = await runGraph(backward, varied, backend);
  const directions = new Map([...varied].map(([name, { shape }]) => [name, random(shape)]));
  const loss = (sign: -1 | 0 | 1) => {
    const moved = new Map(
      [...varied].map(([name, { shape, data }]) => {
        const along = floatsOf(directions.get(name));
        return [name, reals("float32", shape, (i) => Number(data[i]) + sign * STEP * (along[i] ?? 0))];
      }),
    );
    const results = evaluate(graph, moved);
    return [...weights].reduce((sum, [name, c]) => sum + dot(floatsOf(c), elementsOf(results.get(name))), 0);
  };
  const [above, here, below] = [loss(1), loss(0), loss(-1)];
  const difference = (above - below) / (2 * STEP);
  let [derivative, size, largest, rounding] = [0, 0, 0, 0];
  for (const [name, value] of gradients) {
    const gradient = elementsOf(exact.get(value.name));
    derivative += dot(gradient, floatsOf(directions.get(name)));
    size += dot(gradient, gradient);
    const rounded = floatsOf(computed.get(value.name));
    gradient.forEach((element, i) => {
      largest = Math.max(largest, Math.abs(element));
      const error = Math.abs(element - (rounded[i] ?? Number.NaN));
      if (!(error <= rounding)) rounding = error; // NaN too
    });
  }
  const scale = Math.max(Math.sqrt(size), FLOOR);
  const turn = Math.abs(above - 2 * here + below) / STEP;
  return {
    difference: Math.abs(difference - derivative) / scale,
    rounding: rounding / Math.max(largest, 1),
    isKinked: checked.mayKink === true && turn / scale > KINK,
  };
}

/** The gradients of Σ weights ⊙ outputs, as a graph that returns them. */
function backwardGraph(
  graph: Graph,
  types: ReadonlyMap<string, TensorType>,
  weights: ReadonlyMap<string, Tensor>,
  wanted: ReadonlySet<string>,
) {
  const emit = new Emitter("gradient");
  const seeds = new Map([...weights].map(([name, tensor]): [string, Value] => [name, emit.constant(tensor)]));
  const composed = composeGraph(
    unrollScans({ nodes: graph.nodes, types, constants: graph.initializers }),
    graph,
  );
  const found = differentiate(composed, seeds, wanted, emit);
  const gradients = [...found.gradients];
  const backward: Graph = {
    ...graph,
    outputs: gradients.map(([, { name, dtype, shape }]) => ({ name, type: { dtype, shape } })),
    initializers: new Map([...composed.constants, ...emit.constants]),
    nodes: [...found.nodes, ...emit.nodes],
  };
  verifyGraph(backward);
  return { backward, gradients };
}

/** Of the sizes that errors are related to. */
const FLOOR = 1e-3;

function caseGraph<K extends OpKind>(op: K, { inputs, attributes, fixed = [], outputs = 1 }: Case<K>) {
  const varied = new Map<string, Tensor>();
  const initializers = new Map<string, Tensor>();
  const names = inputs.map((tensor, i) => {
    if (tensor === "") return "";
    const isVaried = tensor.dtype === "float32" && !fixed.includes(i);
    (isVaried ? varied : initializers).set(`x${i}`, tensor);
    return `x${i}`;
  });
  const made = Array.from({ length: outputs }, (_, i) => `y${i}`);
  const graph: Graph = {
    name: op,
    inputs: [...varied].map(([name, { dtype, shape }]) => ({ name, type: { dtype, shape } })),
    outputs: made.map((name) => ({ name, type: { dtype: "float32", shape: [] } })),
    initializers,
    nodes: [node(op, names, made, attributes)],
  };
  const types = new Map(graph.outputs.map(({ name }) => [name, name]));
  return { graph: typed(graph), varied, outputs: [...types.keys()] };
}

/** With the outputs' types as inferred. */
function typed(graph: Graph): Graph {
  const types = verifyTypes(graph);
  return { ...graph, outputs: graph.outputs.map(({ name }) => ({ name, type: typedValue(types, name) })) };
}

function verifyTypes(graph: Graph) {
  return verifyGraph({ ...graph, outputs: [] });
}

function elementsOf(value: ReferenceValue | undefined): number[] {
  return value === undefined ? [] : Array.from(value.data, Number);
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
}
