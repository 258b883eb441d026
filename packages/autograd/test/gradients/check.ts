/**
 * Compares the gradient of one node with a central difference along a random direction.
 *
 * With c random and L(x) = Σ c ⊙ f(x): (L(x + εu) − L(x − εu)) / 2ε must be ⟨∂L/∂x, u⟩. Both sides are taken from the
 * float64 evaluator, so what is left is the error of the rule; what ONNX Runtime makes of the same backward graph in
 * float32 is compared with that element by element.
 */
import { createPrng } from "@pingo/core";
import { composeGraph } from "../../src/compose/compose.ts";
import type { Graph } from "../../src/graph/graph.ts";
import type { OpAttributes, OpKind } from "../../src/graph/ops.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { verifyGraph } from "../../src/graph/verify.ts";
import { evaluate } from "../../src/reference/evaluate.ts";
import { type ReferenceValue, reals, referenceOf } from "../../src/reference/value.ts";
import { differentiate } from "../../src/rules/differentiate.ts";
import { Emitter, typedValue, type Value } from "../../src/rules/emitter.ts";
import type { noGradient, stopsGradient } from "../../src/rules/rule.ts";
import type { Backend } from "../../src/runtime/ort.ts";
import { f32, floatsOf, node, openGraph } from "../run-graph.ts";
import type { Draw } from "./draw.ts";

export interface Case<K extends OpKind> {
  /** "" stands for an optional input left out; float32 inputs are varied unless listed in `fixed`. */
  readonly inputs: readonly (Tensor | "")[];
  readonly attributes: OpAttributes[K];
  readonly fixed?: readonly number[];
  readonly outputs?: number;
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
}

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
  const emit = new Emitter("gradient");
  const seeds = new Map([...weights].map(([name, tensor]): [string, Value] => [name, emit.constant(tensor)]));
  const composed = composeGraph({ nodes: graph.nodes, types, constants: graph.initializers });
  const found = differentiate(composed, seeds, new Set(varied.keys()), emit);
  const gradients = [...found.gradients];
  const backward: Graph = {
    ...graph,
    outputs: gradients.map(([, { name, dtype, shape }]) => ({ name, type: { dtype, shape } })),
    initializers: new Map([...composed.constants, ...emit.constants]),
    nodes: [...found.nodes, ...emit.nodes],
  };
  verifyGraph(backward);
  const given = new Map([...varied].map(([name, x]) => [name, referenceOf(x)]));
  const exact = evaluate(backward, given);
  const computed = await (await openGraph(backward, backend))(varied);
  const directions = new Map([...varied].map(([name, { shape }]) => [name, random(shape)]));
  const loss = (sign: number) => {
    const moved = new Map(
      [...varied].map(([name, { shape, data }]) => {
        const along = floatsOf(directions.get(name));
        return [name, reals("float32", shape, (i) => Number(data[i]) + sign * STEP * (along[i] ?? 0))];
      }),
    );
    const results = evaluate(graph, moved);
    return [...weights].reduce((sum, [name, c]) => sum + dot(floatsOf(c), elementsOf(results.get(name))), 0);
  };
  const difference = (loss(1) - loss(-1)) / (2 * STEP);
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
  return {
    difference: Math.abs(difference - derivative) / Math.max(Math.sqrt(size), FLOOR),
    rounding: rounding / Math.max(largest, 1),
  };
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
