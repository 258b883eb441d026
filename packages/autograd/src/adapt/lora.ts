/**
 * Low-rank adapters beside the weights of any model: y = x·W + s·(x·Aᵀ)·Bᵀ with s = alpha / rank.
 *
 * SOURCE: Hu et al., 2021, https://arxiv.org/abs/2106.09685. A f32[rank, in], B f32[out, rank]; B starts at zero, so the
 * adapted model begins as the model itself. The product with W stays as it is, so nothing asks for W's gradient.
 *   convolution  A f32[rank, in/groups, …kernel] as a convolution of the same window, then B f32[out, rank, 1 …]; the
 *                groups share A, so that the sum with the kernel is B·A whatever the groups
 *   embedding    A f32[rank, rows]: its columns are looked up in place of the table's rows
 */
import { assertDefined, createPrng, type Lora, mixSeed, nearestToPattern } from "@pingo/core";
import type { AnyNode, Graph, GraphNode } from "../graph/graph.ts";
import type { OpAttributes, OpKind } from "../graph/ops.ts";
import type { Tensor } from "../graph/tensor.ts";
import { ProgramError } from "../program/fault.ts";
import { at, sizeOf } from "../rules/emitter.ts";
import { type AdapterSite, findSites, isTargeted, namesOf } from "./sites.ts";

export interface Adapter {
  readonly site: AdapterSite;
  /** Names of its initializers in the adapted model. */
  readonly a: string;
  readonly b: string;
  /** In the order of the names. */
  readonly shapes: readonly [readonly number[], readonly number[]];
}

export interface AdaptedModel {
  readonly graph: Graph;
  readonly adapters: readonly Adapter[];
  /** alpha / rank */
  readonly scale: number;
}

/** Nothing of a model's is named so. */
const PREFIX = "lora/";
const HINTS = 3;

/**
 * The model with adapters at each target; where they start from is drawn from the seed.
 *
 * @throws {ProgramError} PATTERN_UNMATCHED
 */
export function adaptModel(model: Graph, lora: Lora, seed: number): AdaptedModel {
  const sites = findSites(model);
  requireTargets(sites, lora.targets);
  const scale = lora.alpha / lora.rank;
  const adapters = sites
    .filter((site) => isTargeted(site, lora.targets))
    .map((site) => adapterOf(site, lora.rank, model));
  const initializers = new Map(model.initializers);
  const constants = new Set(model.constants);
  const added = new Map<AnyNode, readonly AnyNode[]>();
  for (const [index, adapter] of adapters.entries()) {
    const { a, b, shapes } = adapter;
    initializers.set(a, startOf(adapter, mixSeed(seed, index)));
    initializers.set(b, { dtype: "float32", shape: shapes[1], data: new Float32Array(sizeOf(shapes[1])) });
    const branch = new Branch(adapter, scale);
    added.set(adapter.site.node, branch.build());
    for (const [name, tensor] of branch.constants) {
      initializers.set(name, tensor);
      constants.add(name);
    }
  }
  const nodes = model.nodes.flatMap((node) => added.get(node) ?? [node]);
  return { graph: { ...model, initializers, constants, nodes }, adapters, scale };
}

function requireTargets(sites: readonly AdapterSite[], patterns: readonly string[]): void {
  for (const pattern of patterns) {
    if (sites.some((site) => isTargeted(site, [pattern]))) continue;
    const names = [...new Set(sites.flatMap(namesOf))];
    const nearest = nearestToPattern(pattern, names, HINTS);
    throw new ProgramError({ code: "TARGET_UNMATCHED", pattern, nearest });
  }
}

function adapterOf(site: AdapterSite, rank: number, { initializers }: Graph): Adapter {
  const [tensorA, tensorB] =
    site.node.op === "Gather" ? ["lora_embedding_A", "lora_embedding_B"] : ["lora_A.weight", "lora_B.weight"];
  // A model that was adapted before has adapters of its own.
  const isTaken = (name: string) =>
    initializers.has(`${name}.${tensorA}`) || initializers.has(`${name}.${tensorB}`);
  let { module } = site;
  while (isTaken(module)) module = `${module}.again`;
  return { site, a: `${module}.${tensorA}`, b: `${module}.${tensorB}`, shapes: shapesOf(site, rank) };
}

function shapesOf({ node, shape }: AdapterSite, rank: number): Adapter["shapes"] {
  if (node.op === "Conv") {
    const [outputs = 0, ...kernel] = shape;
    return [
      [rank, ...kernel],
      [outputs, rank, ...kernel.slice(1).map(() => 1)],
    ];
  }
  const [rows, columns] = [at(shape, 0), at(shape, 1)];
  const isOutFirst = node.op === "Gemm" && node.attributes.transB === 1;
  const [inputs, outputs] = isOutFirst ? [columns, rows] : [rows, columns];
  return [
    [rank, inputs],
    [outputs, rank],
  ];
}

/** Uniform within ±1/√(numbers that are added up), as linear layers start. */
function startOf({ site, shapes: [shape] }: Adapter, seed: number): Tensor {
  const terms = site.node.op === "Gather" ? at(shape, 0) : sizeOf(shape.slice(1));
  const prng = createPrng(seed);
  const bound = 1 / Math.sqrt(terms);
  const data = Float32Array.from({ length: sizeOf(shape) }, () => bound * (2 * prng.float() - 1));
  return { dtype: "float32", shape, data };
}

/** The nodes of one adapter, its target among them. */
class Branch {
  readonly constants = new Map<string, Tensor>();
  readonly #adapter: Adapter;
  readonly #scale: number;
  readonly #nodes: AnyNode[] = [];

  constructor(adapter: Adapter, scale: number) {
    this.#adapter = adapter;
    this.#scale = scale;
  }

  build(): readonly AnyNode[] {
    const { node } = this.#adapter.site;
    const base = this.#name("base");
    // SAFETY: the same node with its output named otherwise; it has one.
    this.#nodes.push({ ...node, outputs: [base] } as AnyNode);
    if (node.op === "Gemm") this.#gemm(node, base);
    else if (node.op === "Conv") this.#conv(node, base);
    else this.#product(node, base);
    return this.#nodes;
  }

  #gemm({ inputs, outputs, attributes }: GraphNode<"Gemm">, base: string): void {
    const { a, b } = this.#adapter;
    const { alpha, transA } = attributes;
    const narrow = this.#add("Gemm", "narrow", [inputs[0] ?? "", a], {
      alpha: 1,
      beta: 1,
      transA,
      transB: 1,
    });
    const wide = { alpha: alpha * this.#scale, beta: 1, transA: 0, transB: 1 };
    this.#add("Gemm", "wide", [narrow, b, base], wide, outputs[0]);
  }

  #product(
    { op, inputs, outputs, attributes }: GraphNode<"MatMul"> | GraphNode<"Gather">,
    base: string,
  ): void {
    const { a, b } = this.#adapter;
    const down = this.#add("Transpose", "down", [a], { perm: [1, 0] });
    const narrow =
      op === "Gather"
        ? this.#add("Gather", "narrow", [down, inputs[1] ?? ""], attributes)
        : this.#add("MatMul", "narrow", [inputs[0] ?? "", down], {});
    const up = this.#add("Transpose", "up", [b], { perm: [1, 0] });
    const wide = this.#add("MatMul", "wide", [this.#scaled(narrow), up], {});
    this.#add("Add", "sum", [base, wide], {}, outputs[0]);
  }

  #conv({ inputs, outputs, attributes }: GraphNode<"Conv">, base: string): void {
    const { a, b, shapes } = this.#adapter;
    const { group, kernel_shape } = attributes;
    const kernel =
      group === 1 ? a : this.#add("Tile", "groups", [a, this.#repeats(group, shapes[0].length)], {});
    const narrow = this.#add("Conv", "narrow", [inputs[0] ?? "", kernel], attributes);
    const ones = kernel_shape.map(() => 1);
    const point = {
      kernel_shape: ones,
      strides: ones,
      dilations: ones,
      pads: [...ones, ...ones].map(() => 0),
    };
    const wide = this.#add("Conv", "wide", [this.#scaled(narrow), b], { ...point, group });
    this.#add("Add", "sum", [base, wide], {}, outputs[0]);
  }

  #scaled(value: string): string {
    if (this.#scale === 1) return value;
    const scale = this.#constant("scale", {
      dtype: "float32",
      shape: [],
      data: Float32Array.of(this.#scale),
    });
    return this.#add("Mul", "scaled", [value, scale], {});
  }

  #repeats(group: number, rank: number): string {
    const counts = Array.from({ length: rank }, (_, axis) => (axis === 0 ? group : 1));
    return this.#constant("repeats", {
      dtype: "int64",
      shape: [rank],
      data: BigInt64Array.from(counts, BigInt),
    });
  }

  #constant(what: string, tensor: Tensor): string {
    const name = this.#name(what);
    this.constants.set(name, tensor);
    return name;
  }

  #add<K extends OpKind>(
    op: K,
    what: string,
    inputs: readonly string[],
    attributes: OpAttributes[K],
    output = this.#name(what),
  ): string {
    const node: GraphNode<K> = { op, name: this.#name(what), inputs, outputs: [output], attributes };
    // SAFETY: AnyNode is the union of GraphNode<K> over all K.
    this.#nodes.push(node as unknown as AnyNode);
    return output;
  }

  #name(what: string): string {
    return `${PREFIX}${this.#adapter.site.module}/${what}`;
  }
}

/** A tensor of the adapters, from all initializers. */
export function adapterTensor(initializers: ReadonlyMap<string, Tensor>, name: string): Tensor {
  return assertDefined(initializers.get(name), `the adapter's tensor "${name}"`);
}
