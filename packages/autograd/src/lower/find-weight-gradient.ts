/**
 * Finds the weight gradients of convolutions in a train step.
 *
 * The rule of Conv writes each as shifted copies and a product. What it would write is compared with what is there, node
 * by node: a graph that only looks like it is left alone.
 */
import type { AnyNode, TypeByValue } from "../graph/graph.ts";
import type { Window } from "../graph/ops/spec.ts";
import { convWeightGradient, windowOf } from "../rules/convolution.ts";
import { Emitter, type Value } from "../rules/emitter.ts";
import { isPlain, type LoweringGraph } from "./lowering.ts";
import { isSameTree, type Makers } from "./same-tree.ts";

/** dw f32[M, C, …k] of y[N, M, …] = x[N, C, …] ∗ w under this window. */
export interface WeightGradient {
  readonly x: Value;
  readonly dy: Value;
  readonly window: Window;
}

export type FindWeightGradient = (node: AnyNode) => WeightGradient | undefined;

const EXCHANGE = "1,0,2,3";

export function weightGradientFinder(graph: LoweringGraph, types: TypeByValue): FindWeightGradient {
  const plain = graph.nodes.filter(isPlain);
  const makers: Makers = new Map(plain.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const windows = windowsOf(plain);
  return (node) => {
    if (node.op !== "Reshape" || windows.length === 0) return undefined;
    const factors = factorsOf(node, makers)?.map((name) => pictureOf(name, types));
    const shape = sizesOf(node.outputs[0] ?? "", types);
    const [dy, x] = factors ?? [];
    if (x === undefined || dy === undefined || shape?.length !== 4) return undefined;
    const window = windows.find((one) => {
      if (one.kernel_shape.join() !== shape.slice(2).join()) return false;
      const emit = new Emitter("wanted");
      const { name } = convWeightGradient(emit, x, dy, { ...one, group: 1 }, shape);
      const wanted = { makers: new Map(emit.nodes.map((made) => [made.outputs[0] ?? "", made])), name };
      const found = { makers, name: node.outputs[0] ?? "" };
      return isSameTree(
        { ...found, constants: graph.initializers },
        { ...wanted, constants: emit.constants },
        new Set([x.name, dy.name]),
      );
    });
    return window && { x, dy, window };
  };
}

/** Of convolutions without groups over pictures, each once. */
function windowsOf(nodes: readonly AnyNode[]): readonly Window[] {
  const byText = new Map<string, Window>();
  for (const node of nodes) {
    if (node.op !== "Conv" && node.op !== "ConvTranspose") continue;
    const window = windowOf(node.attributes);
    if (node.attributes.group === 1 && window.kernel_shape.length === 2)
      byText.set(JSON.stringify(window), window);
  }
  return [...byText.values()];
}

/** dy and x, if this is the end of a product of their copies. */
function factorsOf(root: AnyNode, makers: Makers): readonly (string | undefined)[] | undefined {
  let node: AnyNode | undefined = root;
  while (node !== undefined && (node.op === "Reshape" || node.op === "Transpose" || node.op === "Gather"))
    node = makers.get(node.inputs[0] ?? "");
  if (node?.op !== "Gemm") return undefined;
  return node.inputs.slice(0, 2).map((input) => {
    let at = makers.get(input);
    while (at !== undefined && !(at.op === "Transpose" && at.attributes.perm.join() === EXCHANGE)) {
      const isCopy = at.op === "Reshape" || at.op === "Concat" || at.op === "Pad" || at.op === "Slice";
      at = isCopy ? makers.get(at.inputs[0] ?? "") : undefined;
    }
    return at?.inputs[0];
  });
}

function pictureOf(name: string | undefined, types: TypeByValue): Value | undefined {
  const shape = name === undefined ? undefined : sizesOf(name, types);
  if (name === undefined || shape?.length !== 4 || types.get(name)?.dtype !== "float32") return undefined;
  return { name, dtype: "float32", shape };
}

function sizesOf(name: string, types: TypeByValue): readonly number[] | undefined {
  const shape = types.get(name)?.shape;
  const sizes = shape?.filter((dim) => typeof dim === "number");
  return sizes?.length === shape?.length ? sizes : undefined;
}
