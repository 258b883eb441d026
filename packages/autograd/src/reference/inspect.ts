/** What a model is made of, and what it costs; sizes that only have a name count as 1. */
import type { AnyNode, Graph, TypeByValue } from "../graph/graph.ts";
import { inferTypes } from "../graph/infer.ts";
import type { OpKind } from "../graph/ops.ts";
import { isStatic, sizeOfShape } from "../graph/shape.ts";
import { findParameters } from "../program/parameters.ts";
import { WIDTH_BYTES } from "../program/plan-memory.ts";
import { BACKWARD } from "../rules/backward.ts";
import { dependencies, dependents } from "../rules/differentiate.ts";
import { noGradient } from "../rules/rule.ts";

export interface Inspection {
  /** Nodes by operator, the most frequent first. */
  readonly ops: Readonly<Record<string, number>>;
  readonly parameters: { readonly tensors: number; readonly elements: number };
  /** One forward pass, by row: a product and a sum are two. A train step takes about three times as many. */
  readonly flopsPerRow: number;
  readonly memory: {
    /** Weights, their gradients and the two moments of AdamW. */
    readonly stateBytes: number;
    /** What the forward pass makes, which the backward pass reads. */
    readonly activationBytesPerRow: number;
  };
  /** Nodes between a parameter and the first output through which no gradient can be taken. */
  readonly withoutGradient: readonly { readonly op: OpKind; readonly node: string }[];
}

const STATE_COPIES = 4;
/** @throws {GraphError | ProgramError} NOTHING_TO_TRAIN among them */
export function inspectModel(model: Graph): Inspection {
  const names = model.inputs.flatMap(({ type }) => type.shape.filter((dim) => typeof dim === "string"));
  const types = inferTypes(model, new Map(names.map((name) => [name, 1])));
  const output = model.outputs[0]?.name ?? "";
  const graph = { nodes: model.nodes, types, constants: model.initializers };
  const parameters = findParameters(graph, {
    initializers: model.initializers,
    constants: model.constants ?? new Set(),
    output,
    frozen: [],
    inner: (name) => name,
  });
  const trained = parameters.filter(({ kind }) => kind === "trained");
  const elements = trained.reduce((sum, { shape }) => sum + sizeOfShape(shape), 0);
  const active = dependents(graph, new Set(trained.map(({ name }) => name)));
  const reached = dependencies(graph, output);
  const rows = rowsOf(model);
  const total = (of: (node: AnyNode) => number) =>
    model.nodes.reduce((sum, node) => sum + of(node), 0) / rows;
  return {
    ops: countOps(model.nodes),
    parameters: { tensors: trained.length, elements },
    flopsPerRow: total((node) => flopsOf(node, types)),
    memory: {
      stateBytes: STATE_COPIES * WIDTH_BYTES.float32 * elements,
      activationBytesPerRow: total((node) => bytesOf(node, types)),
    },
    withoutGradient: model.nodes
      .filter(({ op }) => BACKWARD[op] === noGradient)
      .filter((node) => node.outputs.some((name) => reached.has(name)))
      .filter((node) => node.inputs.some((name) => active.has(name)))
      .map(({ op, name }) => ({ op, node: name })),
  };
}

/** Rows of the batch that the model was exported for; 1 where it leaves them open. */
function rowsOf({ inputs }: Graph): number {
  const rows = inputs[0]?.type.shape[0];
  return typeof rows === "number" && rows > 0 ? rows : 1;
}

function countOps(nodes: readonly AnyNode[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const { op } of nodes) counts.set(op, (counts.get(op) ?? 0) + 1);
  const sorted = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  return Object.fromEntries(sorted);
}

function sizeOf(types: TypeByValue, name: string | undefined): number {
  const shape = types.get(name ?? "")?.shape ?? [];
  return isStatic(shape) ? sizeOfShape(shape) : 1;
}

function bytesOf(node: AnyNode, types: TypeByValue): number {
  return node.outputs.reduce((sum, name) => {
    const dtype = types.get(name)?.dtype;
    return sum + (dtype === undefined ? 0 : WIDTH_BYTES[dtype] * sizeOf(types, name));
  }, 0);
}

/** Products and sums of the products' operators; one per element made of all others. */
function flopsOf(node: AnyNode, types: TypeByValue): number {
  const shape = (i: number) => (types.get(node.inputs[i] ?? "")?.shape ?? []).map(Number);
  const made = sizeOf(types, node.outputs[0]);
  switch (node.op) {
    case "MatMul":
      return 2 * made * (shape(0).at(-1) ?? 1);
    case "Gemm":
      return 2 * made * (shape(0)[node.attributes.transA === 0 ? 1 : 0] ?? 1);
    case "Conv":
      return 2 * made * sizeOfShape(shape(1).slice(1));
    case "ConvTranspose":
      return 2 * sizeOf(types, node.inputs[0]) * sizeOfShape(shape(1).slice(1));
    case "Einsum": {
      const sizes = new Map<string, number>();
      const [terms = ""] = node.attributes.equation.replaceAll(" ", "").split("->");
      terms.split(",").forEach((term, input) => {
        [...term].forEach((letter, axis) => {
          sizes.set(letter, shape(input)[axis] ?? 1);
        });
      });
      return 2 * sizeOfShape([...sizes.values()]);
    }
    default:
      return made;
  }
}
