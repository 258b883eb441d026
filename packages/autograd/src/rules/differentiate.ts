/**
 * Reverse-mode differentiation: from gradients of outputs to gradients of inputs, node by node, last to first.
 *
 * Only the nodes between the wanted values and the seeded ones are visited, so what a model computes beside
 * that path needs no gradient.
 */
import { assert, assertDefined, LIMITS } from "@pingo/core";
import type { AnyNode } from "../graph/graph.ts";
import type { OpKind } from "../graph/ops.ts";
import { readsOf } from "../graph/reads.ts";
import type { DType, Tensor, TensorType } from "../graph/tensor.ts";
import { BACKWARD } from "./backward.ts";
import { at, axisOf, type Emitter, equalShapes, typedValue, type Value } from "./emitter.ts";
import { GradientError } from "./fault.ts";
import {
  type Backward,
  isComposed,
  isUnrolled,
  noGradient,
  noInfluence,
  type RuleContext,
  stopsGradient,
} from "./rule.ts";
import { findSilus, siluGradient } from "./silu.ts";

/** A graph whose every size is known, in topological order. */
export interface StaticGraph {
  readonly nodes: readonly AnyNode[];
  readonly types: ReadonlyMap<string, TensorType>;
  readonly constants: ReadonlyMap<string, Tensor>;
}

export interface Differentiation {
  /** The forward nodes; some with optional outputs added that their gradients use. */
  readonly nodes: readonly AnyNode[];
  /** By value name, for each wanted value that the seeds depend on; of the value's own shape. */
  readonly gradients: ReadonlyMap<string, Value>;
}

/**
 * @param seeds   gradient of each output, by value name
 * @param wanted  names of the values whose gradients are asked for
 * @param emit    receives the backward nodes
 * @throws {GradientError} OP_WITHOUT_GRADIENT
 */
export function differentiate(
  graph: StaticGraph,
  seeds: ReadonlyMap<string, Value>,
  wanted: ReadonlySet<string>,
  emit: Emitter,
): Differentiation {
  const active = dependents(graph, wanted);
  const silus = findSilus(graph.nodes, wanted);
  const gradients = new Map(seeds);
  const add = (name: string, gradient: Value) => {
    const before = gradients.get(name);
    gradients.set(name, before === undefined ? gradient : emit.add2(before, gradient));
  };
  const nodes = [...graph.nodes];
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = assertDefined(nodes[i], "a node");
    const isReached = node.outputs.some((name) => gradients.has(name) && active.has(name));
    if (!isReached || !readsOf(node).some((name) => active.has(name))) continue;
    const silu = silus.get(node);
    if (silu !== undefined) {
      const [y, sigmoid] = [node.outputs[0] ?? "", silu.sigmoid].map((name) => typedValue(graph.types, name));
      const dy = gradients.get(node.outputs[0] ?? "");
      assert(y !== undefined && sigmoid !== undefined && dy !== undefined, "a reached product");
      add(silu.x, siluGradient(emit, y, sigmoid, dy));
      continue;
    }
    const visit = new NodeVisit(node, graph, gradients, active, emit);
    for (const [name, gradient] of visit.run()) add(name, gradient);
    nodes[i] = visit.node;
  }
  const found = [...gradients].filter(([name]) => wanted.has(name));
  return { nodes, gradients: new Map(found) };
}

/** The values that depend on the wanted ones through operators that let gradients pass, the wanted included. */
export function dependents(graph: StaticGraph, wanted: ReadonlySet<string>): ReadonlySet<string> {
  const active = new Set(wanted);
  for (const node of graph.nodes) {
    if (BACKWARD[node.op] === stopsGradient) continue;
    if (!operandsOf(node).some((name) => active.has(name))) continue;
    for (const name of node.outputs) {
      const dtype = graph.types.get(name)?.dtype;
      if (dtype === "float32" || dtype === "float64") active.add(name);
    }
  }
  return active;
}

/** Their other inputs are settings, not operands. */
const FIRST_INPUT_ONLY: ReadonlySet<OpKind> = new Set<OpKind>([
  "CastLike",
  "Dropout",
  "NegativeLogLikelihoodLoss",
  "Resize",
  "RotaryEmbedding",
  "SoftmaxCrossEntropyLoss",
]);

/** The values that a value is computed from through operators that let gradients pass, itself included. */
export function dependencies(graph: StaticGraph, name: string): ReadonlySet<string> {
  const reached = new Set([name]);
  for (const node of graph.nodes.toReversed()) {
    if (BACKWARD[node.op] === stopsGradient || !node.outputs.some((output) => reached.has(output))) continue;
    for (const input of operandsOf(node)) reached.add(input);
  }
  return reached;
}

/**
 * The last node, towards a value, whose result does not move with what it is computed of, where that depends on one of
 * these; undefined where none of them is lost in this way.
 */
export function cutOf(graph: StaticGraph, name: string, lost: ReadonlySet<string>): AnyNode | undefined {
  const reached = dependencies(graph, name);
  const dependent = new Set(lost);
  let cut: AnyNode | undefined;
  for (const node of graph.nodes) {
    if (IS_OF_SIZES.has(node.op) || !readsOf(node).some((input) => dependent.has(input))) continue;
    for (const output of node.outputs) dependent.add(output);
    if (BACKWARD[node.op] === stopsGradient && node.outputs.some((output) => reached.has(output))) cut = node;
  }
  return cut;
}

/** Whatever numbers the tensor holds. */
const IS_OF_SIZES: ReadonlySet<OpKind> = new Set<OpKind>(["Shape", "Size"]);

function operandsOf(node: AnyNode): readonly string[] {
  return FIRST_INPUT_ONLY.has(node.op) ? node.inputs.slice(0, 1) : readsOf(node);
}

class NodeVisit {
  node: AnyNode;
  readonly #graph: StaticGraph;
  readonly #gradients: ReadonlyMap<string, Value>;
  readonly #active: ReadonlySet<string>;
  readonly #emit: Emitter;
  /** The outputs whose gradients the rule has read. */
  readonly #asked = new Set<number>();

  constructor(
    node: AnyNode,
    graph: StaticGraph,
    gradients: ReadonlyMap<string, Value>,
    active: ReadonlySet<string>,
    emit: Emitter,
  ) {
    this.node = node;
    this.#graph = graph;
    this.#gradients = gradients;
    this.#active = active;
    this.#emit = emit;
  }

  /** The gradient of each active input, summed back to the input's shape; an input listed twice comes twice. */
  run(): [string, Value][] {
    const rule = BACKWARD[this.node.op];
    if (rule === noGradient) return this.#unsupported("there is no rule for it yet");
    if (rule === isUnrolled)
      return this.#unsupported(
        `it takes no step, or writing out its steps takes more than ${LIMITS.modelNodesMax} nodes: make what it runs over shorter`,
      );
    assert(rule !== stopsGradient, `${this.node.op} lets no gradient pass`);
    assert(rule !== isComposed, `${this.node.op} should have been composed of plain operators`);
    // SAFETY: BACKWARD maps each operator to the rule of that operator, and the context is made from such a node.
    const results = (rule as Backward<OpKind>)(this.#context());
    const unread = this.node.outputs.findIndex(
      (name, i) => i > 0 && this.#gradients.has(name) && !this.#asked.has(i),
    );
    if (unread >= 0) this.#unsupported(`the loss depends on its output ${unread} too`);
    const missing = this.node.inputs.findIndex(
      (name, i) => results[i] === undefined && this.#active.has(name),
    );
    if (missing >= 0) this.#unsupported(`its input ${missing} depends on a parameter`);
    return this.node.inputs.flatMap((name, i): [string, Value][] => {
      const gradient = results[i];
      if (gradient === undefined || gradient === noInfluence || !this.#active.has(name)) return [];
      const { dtype, shape } = this.#value(name);
      const summed = this.#emit.sumTo(gradient, shape);
      assert(
        summed.dtype === dtype && equalShapes(summed.shape, shape),
        `gradient ${i} of "${this.node.name}"`,
      );
      return [[name, summed]];
    });
  }

  #context(): RuleContext<OpKind> {
    const { node } = this;
    return {
      // SAFETY: a node of some operator, seen as a node of the union of all.
      node: node as RuleContext<OpKind>["node"],
      attributes: node.attributes,
      emit: this.#emit,
      arity: node.inputs.length,
      x: (i = 0) => this.#value(assertDefined(node.inputs[i], `input ${i} of "${node.name}"`)),
      hasInput: (i) => (node.inputs[i] ?? "") !== "",
      y: (i = 0) => this.#output(i),
      dy: (i = 0) => this.#upstream(i),
      isReached: (i) => this.#gradients.has(node.outputs[i] ?? ""),
      wants: (i) => this.#active.has(node.inputs[i] ?? ""),
      constant: (i) => this.#constant(i),
      unsupported: (why) => this.#unsupported(why),
    };
  }

  #value(name: string): Value {
    return typedValue(this.#graph.types, name);
  }

  #output(i: number): Value {
    const name = this.node.outputs[i] ?? "";
    if (name !== "") return this.#value(name);
    const type = optionalOutputType(this.node, i, {
      input: (k) => this.#value(this.node.inputs[k] ?? ""),
      output: () => this.#value(this.node.outputs[0] ?? ""),
    });
    const made = this.#emit.freshName(`${this.node.op}.output${i}`);
    const outputs = Array.from(
      { length: Math.max(this.node.outputs.length, i + 1) },
      (_, k) => this.node.outputs[k] ?? "",
    );
    // SAFETY: the same node with one more output.
    this.node = { ...this.node, outputs: outputs.with(i, made) } as AnyNode;
    return { name: made, ...type };
  }

  #upstream(i: number): Value {
    this.#asked.add(i);
    const name = this.node.outputs[i] ?? "";
    const known = this.#gradients.get(name);
    if (known !== undefined) return known;
    const { dtype, shape } = this.#value(name);
    return this.#emit.zeros(dtype, shape);
  }

  // What is trained stands among the constants with the value that it starts from, and the next step has another.
  #constant(i: number): readonly number[] | undefined {
    const name = this.node.inputs[i] ?? "";
    const tensor = this.#active.has(name) ? undefined : this.#graph.constants.get(name);
    return tensor === undefined ? undefined : Array.from(tensor.data, Number);
  }

  #unsupported(why: string): never {
    throw new GradientError({ code: "OP_WITHOUT_GRADIENT", op: this.node.op, node: this.node.name, why });
  }
}

/** The outputs that rules ask for though models leave them out. */
function optionalOutputType(
  node: AnyNode,
  i: number,
  site: { readonly input: (k: number) => Value; readonly output: () => Value },
): { readonly dtype: DType; readonly shape: readonly number[] } {
  switch (node.op) {
    case "MaxPool":
    case "TopK":
      return { dtype: "int64", shape: site.output().shape };
    case "Dropout":
      return { dtype: "bool", shape: site.output().shape };
    case "RNN":
    case "GRU":
    case "LSTM": {
      const [{ dtype, shape }, w] = [site.input(0), site.input(1)];
      return { dtype, shape: [at(shape, 0), at(w.shape, 0), at(shape, 1), node.attributes.hidden_size] };
    }
    default: {
      assert(node.op === "LayerNormalization", `output ${i} of "${node.name}" (${node.op}) is asked for`);
      const { shape } = site.input(0);
      const axis = axisOf(node.attributes.axis, shape.length);
      return { dtype: "float32", shape: shape.map((dim, k) => (k < axis ? dim : 1)) };
    }
  }
}
