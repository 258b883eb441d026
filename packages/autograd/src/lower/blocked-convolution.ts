/**
 * Convolutions by ONNX Runtime's kernels for blocks of channels ("NCHWc"), which it uses itself only where weights are
 * constant, that is never in training.
 *
 * They want pictures as [N, C/b, H, W, b] and kernels as [M/b, C/b, h, w, b of C, b of M], b being the processor's vector
 * length. Pictures are brought there and back by ONNX Runtime's own operators; kernels, new in every step, by
 * transposes. One thread of a Zen 4 (b = 16): 90–110 GFLOP/s where Conv reaches 54–89 and ConvTranspose 45–80.
 * SOURCE: onnxruntime/core/optimizer/nchwc_transformer.cc
 */
import type { AnyNode, Graph, GraphNode, TypeByValue } from "../graph/graph.ts";
import { range } from "../rules/emitter.ts";
import { blockedWeightGradient } from "./blocked-weight-gradient.ts";
import { Blocks } from "./blocks.ts";
import { type FindWeightGradient, weightGradientFinder } from "./find-weight-gradient.ts";
import { isPlain, type Lowered, type LoweredNode, type Lowering, type LoweringGraph } from "./lowering.ts";

/** @param block  channels that the machine's kernels take together */
export function blockedConvolution(block: number): Lowering {
  return (graph, types) => new Pass(graph, types, block).run();
}

/** y[N, M, …] = x[N, C, …] ∗ kernel, which `weight` holds as it is, [M, C, h, w], or turned round: [C, M, −h, −w]. */
interface Site {
  readonly x: string;
  readonly weight: string;
  readonly isTurned: boolean;
  readonly bias: string;
  readonly channels: number;
  readonly maps: number;
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
}

class Pass {
  readonly #graph: LoweringGraph;
  readonly #types: TypeByValue;
  readonly #block: number;
  readonly #blocks: Blocks;
  readonly #makers: ReadonlyMap<string, AnyNode>;
  /** Of each value. */
  readonly #readers: ReadonlyMap<string, readonly LoweredNode[]>;
  readonly #isOutput: ReadonlySet<string>;
  readonly #merged = new Set<LoweredNode>();
  readonly #findGradient: FindWeightGradient;

  constructor(graph: LoweringGraph, types: TypeByValue, block: number) {
    this.#graph = graph;
    this.#types = types;
    this.#block = block;
    this.#blocks = new Blocks();
    this.#findGradient = weightGradientFinder(graph, types);
    this.#makers = new Map(
      graph.nodes.filter(isPlain).flatMap((node) => node.outputs.map((name) => [name, node] as const)),
    );
    this.#readers = readersOf(graph);
    this.#isOutput = new Set(graph.outputs.map(({ name }) => name));
  }

  run(): Lowered {
    for (const node of this.#graph.nodes) {
      if (this.#merged.has(node)) continue;
      const site = isPlain(node) ? this.#siteOf(node) : undefined;
      const gradient = isPlain(node) ? this.#findGradient(node) : undefined;
      if (site !== undefined) this.#lower(node, site);
      else if (gradient === undefined || !blockedWeightGradient(this.#blocks, node, gradient, this.#block))
        this.#blocks.nodes.push(node);
    }
    const outputs = this.#graph.outputs.map(({ name }) => name);
    return { nodes: neededOf(this.#blocks.nodes, outputs), constants: this.#blocks.constants };
  }

  #siteOf(node: AnyNode): Site | undefined {
    if (node.op !== "Conv" && node.op !== "ConvTranspose") return undefined;
    const { kernel_shape: kernel, strides, dilations, pads, group } = node.attributes;
    const [x = "", weight = "", bias = ""] = node.inputs;
    const [channels, maps] = [this.#channels(x), this.#channels(node.outputs[0] ?? "")];
    if (group !== 1 || kernel.length !== 2) return undefined;
    if (channels === undefined || maps === undefined) return undefined;
    if (channels % this.#block !== 0 || maps % this.#block !== 0) return undefined;
    if (this.#types.get(x)?.dtype !== "float32") return undefined;
    const shared = { x, bias, channels, maps, kernel, strides, dilations };
    if (node.op === "Conv") {
      const turned = this.#turnedFrom(weight);
      return { ...shared, weight: turned ?? weight, isTurned: turned !== undefined, pads };
    }
    // With stride 1 a transposed convolution is one with the kernel turned round, over margins.
    const margins = pads.map((width, i) => {
      const [size = 1, by = 1] = [kernel[i % 2], dilations[i % 2]];
      return (size - 1) * by - width + (i < 2 ? 0 : (node.attributes.output_padding[i - 2] ?? 0));
    });
    if (strides.some((by) => by !== 1) || margins.some((width) => width < 0)) return undefined;
    return { ...shared, weight, isTurned: true, pads: margins };
  }

  /** The channels of a picture [N, C, H, W]. */
  #channels(name: string): number | undefined {
    const shape = this.#types.get(name)?.shape;
    const channels = shape?.[1];
    return shape?.length === 4 && typeof channels === "number" ? channels : undefined;
  }

  /** The kernel of which `name` is the one turned round, as the rule of Conv writes it. */
  #turnedFrom(name: string): string | undefined {
    const slice = this.#makers.get(name);
    if (slice?.op !== "Slice" || !slice.inputs.slice(3).every((input, i) => this.#isTurn(input, i)))
      return undefined;
    const exchange = this.#makers.get(slice.inputs[0] ?? "");
    if (exchange?.op !== "Transpose" || exchange.attributes.perm.join() !== "1,0,2,3") return undefined;
    return exchange.inputs[0];
  }

  /** Axes 2 and 3, and steps of −1 along both. */
  #isTurn(name: string, i: number): boolean {
    const data = this.#graph.initializers.get(name)?.data;
    return data !== undefined && Array.from(data, Number).join() === (i === 0 ? "2,3" : "-1,-1");
  }

  #lower(node: LoweredNode, site: Site): void {
    const { maps, kernel, strides, dilations, pads, bias } = site;
    const y = node.outputs[0] ?? "";
    const relu = this.#onlyRelu(y);
    if (relu) this.#merged.add(relu);
    const made = relu?.outputs[0] ?? y;
    const [x, w] = [this.#blocks.picture(site.x), this.#kernel(node.name, site)];
    const window = { kernel_shape: kernel, strides, dilations, pads, group: 1 };
    const attributes = relu ? { ...window, activation: "Relu" } : window;
    const result = `${made}/blocked`;
    const inputs = bias === "" ? [x, w] : [x, w, bias];
    this.#blocks.foreign("Conv", node.name, inputs, result, attributes);
    this.#blocks.foreign("ReorderOutput", `${node.name}/plain`, [result], made, {
      channels: maps,
      channels_last: 0,
    });
    this.#blocks.blockedOf.set(made, result);
  }

  /** The one reader of a value, where that is a Relu. */
  #onlyRelu(name: string): GraphNode<"Relu"> | undefined {
    const readers = this.#readers.get(name) ?? [];
    const [only] = readers;
    if (readers.length !== 1 || only === undefined || this.#isOutput.has(name)) return undefined;
    return isPlain(only) && only.op === "Relu" ? only : undefined;
  }

  /** Rows are moved by a Gather between two transposes: ONNX Runtime would join them into one that is many times slower. */
  #kernel(name: string, { weight, isTurned, channels, maps, kernel }: Site): string {
    const [b, taps] = [this.#block, kernel.reduce((product, size) => product * size, 1)];
    const step = (what: string) => `${name}/kernel${what}`;
    if (isTurned) {
      // [C, M, taps] → [taps, C, M], last tap first → [M/b, C/b, taps, b of C, b of M]
      const flat = this.#blocks.reshape(weight, step("/flat"), [channels * maps, taps]);
      const front = this.#blocks.transpose(flat, step("/front"), [1, 0]);
      const turned = this.#blocks.gather(front, step("/turned"), range(taps).reverse(), 0);
      const parts = this.#blocks.reshape(turned, step("/parts"), [taps, channels / b, b, maps / b, b]);
      const blocks = this.#blocks.transpose(parts, step("/blocks"), [3, 1, 0, 2, 4]);
      return this.#blocks.reshape(blocks, step(""), [maps, channels, ...kernel]);
    }
    // [M/b, b, C·taps] → [M/b, C·taps, b], and taps before the channels of a block
    const flat = this.#blocks.reshape(weight, step("/flat"), [maps / b, b, channels * taps]);
    const front = this.#blocks.transpose(flat, step("/front"), [0, 2, 1]);
    const parts = this.#blocks.reshape(front, step("/parts"), [(maps * channels) / (b * b), b, taps, b]);
    const blocks = taps === 1 ? parts : this.#blocks.transpose(parts, step("/blocks"), [0, 2, 1, 3]);
    return this.#blocks.reshape(blocks, step(""), [maps, channels, ...kernel]);
  }
}

function readersOf(graph: LoweringGraph): ReadonlyMap<string, readonly LoweredNode[]> {
  const readers = new Map<string, LoweredNode[]>();
  for (const node of graph.nodes) {
    for (const name of node.inputs) {
      const known = readers.get(name);
      if (known === undefined) readers.set(name, [node]);
      else known.push(node);
    }
  }
  return readers;
}

/** Without those that only what was replaced had read. */
function neededOf(nodes: readonly LoweredNode[], outputs: readonly string[]): LoweredNode[] {
  const needed = new Set(outputs);
  const kept: LoweredNode[] = [];
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((name) => needed.has(name))) continue;
    for (const name of node.inputs) needed.add(name);
    if (isPlain(node) && node.op === "Scan")
      for (const name of readInside(node.attributes.body)) needed.add(name);
    kept.push(node);
  }
  return kept.reverse();
}

/** Every name that a body reads, of its own or from around it. */
function readInside(body: Graph): readonly string[] {
  return body.nodes.flatMap((node) =>
    node.op === "Scan" ? [...node.inputs, ...readInside(node.attributes.body)] : node.inputs,
  );
}
