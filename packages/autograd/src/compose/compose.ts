/**
 * Puts plain operators in the place of those that have no gradient rule of their own, or no kernel.
 *
 * Runs once when a program is built, for training and evaluation alike. The plain nodes make the same values under
 * the same names.
 */
import { assert, assertDefined } from "@pingo/core";
import type { AnyNode, Graph } from "../graph/graph.ts";
import type { OpKind } from "../graph/ops.ts";
import type { StaticGraph } from "../rules/differentiate.ts";
import { Emitter, typedValue, type Value } from "../rules/emitter.ts";
import { attentionComposition, rotaryComposition } from "./attention.ts";
import type { Composition, CompositionContext } from "./composition.ts";
import { compressComposition } from "./indexing.ts";
import { crossEntropyComposition, likelihoodComposition } from "./loss.ts";
import {
  groupNormComposition,
  instanceNormComposition,
  lrnComposition,
  rmsNormComposition,
} from "./normalization.ts";
import { averagePoolComposition, lpPoolComposition, maxPoolComposition } from "./pooling.ts";
import { gruComposition, lstmComposition, rnnComposition } from "./recurrent.ts";
import { affineGridComposition } from "./sampling.ts";

export const COMPOSITIONS: { readonly [K in OpKind]?: Composition<K> } = {
  AffineGrid: affineGridComposition,
  Attention: attentionComposition,
  AveragePool: averagePoolComposition,
  Compress: compressComposition,
  GroupNormalization: groupNormComposition,
  GRU: gruComposition,
  InstanceNormalization: instanceNormComposition,
  LRN: lrnComposition,
  LSTM: lstmComposition,
  LpPool: lpPoolComposition,
  MaxPool: maxPoolComposition,
  RNN: rnnComposition,
  RotaryEmbedding: rotaryComposition,
  SoftmaxCrossEntropyLoss: crossEntropyComposition,
  NegativeLogLikelihoodLoss: likelihoodComposition,
  RMSNormalization: rmsNormComposition,
};

/** @param model  what the graph was made of: training may change its state, so no value of that is relied on */
export function composeGraph(
  graph: StaticGraph,
  { initializers, constants = new Set() }: Pick<Graph, "initializers" | "constants">,
): StaticGraph {
  const emit = new Emitter("composed");
  const isState = (name: string) => initializers.has(name) && !constants.has(name);
  const settled = new Map(
    [...graph.constants].filter(([name, { dtype }]) => dtype !== "float32" || !isState(name)),
  );
  const nodes = graph.nodes.flatMap((node) => composed(node, { ...graph, constants: settled }, emit));
  return {
    nodes,
    types: new Map([...graph.types, ...emit.types]),
    constants: new Map([...graph.constants, ...emit.constants]),
  };
}

function composed(node: AnyNode, graph: StaticGraph, emit: Emitter): readonly AnyNode[] {
  // SAFETY: COMPOSITIONS maps each operator to its own row, and the context is made from such a node.
  const composition = COMPOSITIONS[node.op] as Composition<OpKind> | undefined;
  const results = composition?.(contextOf(node, graph, emit));
  if (results === undefined) return [node];
  const made = emit.nodes.splice(0);
  const own = new Set(made.flatMap(({ outputs }) => outputs));
  const nameOf = new Map<string, string>();
  const copies: AnyNode[] = [];
  node.outputs.forEach((name, i) => {
    if (name === "") return;
    const value = assertDefined(results[i], `output ${i} of "${node.name}"`);
    if (own.has(value.name) && !nameOf.has(value.name)) nameOf.set(value.name, name);
    else copies.push(copyOf(value, name));
  });
  const renamed = (names: readonly string[]) => names.map((name) => nameOf.get(name) ?? name);
  const placed = [...made, ...copies].map(
    // SAFETY: the same nodes under other names of values.
    (one) => ({ ...one, inputs: renamed(one.inputs), outputs: renamed(one.outputs) }) as AnyNode,
  );
  return placed;
}

function copyOf({ name }: Value, output: string): AnyNode {
  return { op: "Identity", name: output, inputs: [name], outputs: [output], attributes: {} };
}

function contextOf(node: AnyNode, graph: StaticGraph, emit: Emitter): CompositionContext<OpKind> {
  const nameOf = (i: number) => node.inputs[i] ?? "";
  return {
    attributes: node.attributes,
    emit,
    x: (i = 0) => {
      assert(nameOf(i) !== "", `input ${i} of "${node.name}"`);
      return typedValue(graph.types, nameOf(i));
    },
    arity: node.inputs.length,
    hasInput: (i) => nameOf(i) !== "",
    makes: (i) => (node.outputs[i] ?? "") !== "",
    shape: (i = 0) => typedValue(graph.types, assertDefined(node.outputs[i], `output ${i}`)).shape,
    constant: (i) => {
      const tensor = graph.constants.get(nameOf(i));
      return tensor === undefined ? undefined : Array.from(tensor.data, Number);
    },
  };
}
