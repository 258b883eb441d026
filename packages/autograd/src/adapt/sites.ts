/**
 * Where a model can take low-rank adapters: nodes that multiply by a weight of the file.
 *
 * Exporters put Transpose, Identity and Cast between a weight and the node that it goes into; those are seen through, as
 * long as it stays float32.
 */
import { matchesAny } from "@pingo/core";
import type { AnyNode, Graph, GraphNode } from "../graph/graph.ts";
import { axisOf } from "../rules/emitter.ts";

export type AdaptedOp = "MatMul" | "Gemm" | "Conv" | "Gather";
export type AdaptedNode = { [K in AdaptedOp]: GraphNode<K> }[AdaptedOp];

export interface AdapterSite {
  readonly node: AdaptedNode;
  /** Unique; what the adapter's tensors are named after. */
  readonly module: string;
  readonly initializer: string;
  /** From the axes of the initializer to those of what the node reads. */
  readonly perm: readonly number[];
  /** Of what the node reads. */
  readonly shape: readonly number[];
  /** Nothing else reads the initializer, directly or on the way. */
  readonly isOwn: boolean;
}

/** Which input the weight is. */
const WEIGHT_INPUT: { readonly [K in AdaptedOp]: number } = { MatMul: 1, Gemm: 1, Conv: 1, Gather: 0 };

/** Names that exporters make up: they say nothing of the model. */
const MADE_UP = /^(onnx::|_v_|val_|const_fold|\d+$)/;

/** Every place for an adapter, in the order of the nodes. */
export function findSites(model: Graph): readonly AdapterSite[] {
  const makers = new Map(model.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const uses = usesOf(model);
  const modules = new Set<string>();
  const sites: AdapterSite[] = [];
  for (const node of model.nodes) {
    if (!isAdapted(node)) continue;
    const found = weightOf(model, makers, uses, node.inputs[WEIGHT_INPUT[node.op]] ?? "");
    if (found === undefined || !fits(node, found.shape)) continue;
    const named = found.isOwn && !MADE_UP.test(found.initializer);
    const module = unique(named ? moduleOfWeight(found.initializer) : moduleOfNode(node), modules);
    sites.push({ node, module, ...found });
  }
  return sites;
}

/** What a pattern may name a site by. */
export function namesOf({ node, initializer }: AdapterSite): readonly string[] {
  return [initializer, node.name, dotted(node.name)];
}

export function isTargeted(site: AdapterSite, patterns: readonly string[]): boolean {
  return namesOf(site).some((name) => matchesAny(patterns, name));
}

function isAdapted(node: AnyNode): node is AdaptedNode {
  return Object.hasOwn(WEIGHT_INPUT, node.op);
}

function fits(node: AdaptedNode, shape: readonly number[]): boolean {
  if (node.op === "Conv") return shape.length >= 3;
  if (shape.length !== 2) return false;
  return node.op !== "Gather" || axisOf(node.attributes.axis, 2) === 0;
}

/** How often each value is read, outputs of the graph included. */
function usesOf(model: Graph): ReadonlyMap<string, number> {
  const uses = new Map<string, number>();
  const read = [...model.nodes.flatMap(({ inputs }) => inputs), ...model.outputs.map(({ name }) => name)];
  for (const name of read) uses.set(name, (uses.get(name) ?? 0) + 1);
  return uses;
}

function weightOf(
  model: Graph,
  makers: ReadonlyMap<string, AnyNode>,
  uses: ReadonlyMap<string, number>,
  read: string,
): Pick<AdapterSite, "initializer" | "perm" | "shape" | "isOwn"> | undefined {
  const steps: (readonly number[])[] = [];
  let name = read;
  let isOwn = uses.get(name) === 1;
  for (let maker = makers.get(name); maker !== undefined; maker = makers.get(name)) {
    if (maker.op === "Transpose") steps.push(maker.attributes.perm);
    else if (maker.op !== "Identity" && !(maker.op === "Cast" && maker.attributes.to === "float32"))
      return undefined;
    name = maker.inputs[0] ?? "";
    isOwn &&= uses.get(name) === 1;
  }
  const tensor = model.initializers.get(name);
  const isWeight = tensor?.dtype === "float32" && model.constants?.has(name) !== true;
  if (!isWeight) return undefined;
  // The chain was walked from its end: its last step is the first.
  const perm = steps.reduceRight(
    (axes, step) => step.map((axis) => axes[axis] ?? 0),
    tensor.shape.map((_, axis) => axis),
  );
  return { initializer: name, perm, shape: perm.map((axis) => tensor.shape[axis] ?? 0), isOwn };
}

function moduleOfWeight(name: string): string {
  return dotted(name).replace(/\.weight$/, "");
}

function moduleOfNode({ name, op }: AdaptedNode): string {
  const inside = dotted(name);
  return inside.endsWith(`.${op}`) ? inside.slice(0, -op.length - 1) : inside;
}

/** Names of nodes are paths with slashes, those of weights have dots. */
function dotted(name: string): string {
  return name.replaceAll("/", ".").replace(/^\.+/, "");
}

function unique(name: string, taken: Set<string>): string {
  let free = name;
  for (let i = 2; taken.has(free); i++) free = `${name}.${i}`;
  taken.add(free);
  return free;
}
