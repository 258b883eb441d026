/**
 * Reverse-mode differentiation that keeps little of the forward pass: its nodes are cut into parts, only the values
 * that go from part to part stay in memory, and each part but the last is computed again when the gradient gets to it.
 *
 * What is computed again sits with its gradients in the body of a Scan of one step. That is a wall for ONNX Runtime: a
 * copy of a node beside the original would be merged with it, or run long before it is needed.
 *
 * SOURCE: Griewank & Walther, "Revolve", 2000; Chen et al., "Training deep nets with sublinear memory cost", 2016.
 */
import { assert, assertDefined } from "@pingo/core";
import type { AnyNode, Graph } from "../graph/graph.ts";
import { neededNodes } from "../graph/reads.ts";
import type { DType, TensorType } from "../graph/tensor.ts";
import { type Differentiation, dependents, differentiate, type StaticGraph } from "./differentiate.ts";
import { Emitter, sizeOf, typedValue, type Value } from "./emitter.ts";

/** A cut may move so far, as a share of a part, to where fewer bytes cross it. */
const CUT_PLAY = 0.25;

/** As `differentiate`, in so many parts. */
export function differentiateInParts(
  graph: StaticGraph,
  seeds: ReadonlyMap<string, Value>,
  wanted: ReadonlySet<string>,
  emit: Emitter,
  parts: number,
): Differentiation {
  const starts = cutsOf(graph, parts);
  const active = dependents(graph, wanted);
  const gradients = new Map(seeds);
  const nodes: AnyNode[] = [];
  for (const [back, start] of starts.toReversed().entries()) {
    const end = starts[starts.length - back] ?? graph.nodes.length;
    const part = graph.nodes.slice(start, end);
    const site: PartSite = { graph, part, active, wanted, gradients, emit };
    const { forward, found } = back === 0 ? lastPart(site) : innerPart(site, starts.length - 1 - back);
    nodes.unshift(...forward);
    for (const [name, gradient] of found) {
      const before = gradients.get(name);
      gradients.set(name, before === undefined ? gradient : emit.add2(before, gradient));
    }
  }
  const own = [...gradients].filter(([name]) => wanted.has(name));
  return { nodes, gradients: new Map(own) };
}

interface PartSite {
  readonly graph: StaticGraph;
  readonly part: readonly AnyNode[];
  readonly active: ReadonlySet<string>;
  readonly wanted: ReadonlySet<string>;
  /** Of values that are known so far; those that this part makes are complete. */
  readonly gradients: ReadonlyMap<string, Value>;
  readonly emit: Emitter;
}

interface PartDone {
  readonly forward: readonly AnyNode[];
  /** What it adds to the gradients of the values that it reads. */
  readonly found: ReadonlyMap<string, Value>;
}

/** The gradient gets to it at once: nothing would be gained. */
function lastPart({ graph, part, active, gradients, emit }: PartSite): PartDone {
  const { entering } = bordersOf(part, active);
  const seeds = new Map([...gradients].filter(([name]) => !entering.has(name)));
  const done = differentiate({ ...graph, nodes: part }, seeds, entering, emit);
  return { forward: done.nodes, found: done.gradients };
}

function innerPart({ graph, part, active, gradients, emit }: PartSite, index: number): PartDone {
  const { entering, made } = bordersOf(part, active);
  const again = (name: string): string => (made.has(name) ? `again${index}/${name}` : name);
  const seeds = new Map(
    [...gradients].filter(([name]) => made.has(name)).map(([name, g]) => [again(name), g]),
  );
  if (seeds.size === 0) return { forward: part, found: new Map() };
  const types = new Map<string, TensorType>(graph.types);
  for (const name of made) types.set(again(name), assertDefined(graph.types.get(name), name));
  const copied = part.map((node): AnyNode => {
    const [inputs, outputs] = [node.inputs.map(again), node.outputs.map(again)];
    return { ...node, name: `again${index}/${node.name}`, inputs, outputs };
  });
  const inner = new Emitter(`back${index}`);
  const done = differentiate({ ...graph, nodes: copied, types }, seeds, entering, inner);
  const entries = [...done.gradients];
  if (entries.length === 0) return { forward: part, found: new Map() };
  // A gradient that is passed on as it came is no value of the body.
  const outputs = entries.map(([, gradient]) => inner.unary("Identity", gradient));
  const body: Graph = {
    name: `part${index}`,
    inputs: [{ name: `turn${index}`, type: { dtype: "int64", shape: [] } }],
    outputs: outputs.map(({ name, dtype, shape }) => ({ name, type: { dtype, shape } })),
    initializers: inner.constants,
    nodes: neededNodes(
      [...done.nodes, ...inner.nodes],
      outputs.map(({ name }) => name),
    ),
  };
  const results = outputs.map(
    ({ dtype, shape }): Value => ({ name: emit.freshName("Scan"), dtype, shape: [1, ...shape] }),
  );
  emit.add({
    op: "Scan",
    name: `part${index}`,
    inputs: [emit.integers([0]).name],
    outputs: results.map(({ name }) => name),
    attributes: { body, num_scan_inputs: 1 },
  });
  const found = entries.map(([name], i): [string, Value] => {
    const result = assertDefined(results[i], name);
    return [name, emit.reshape(result, result.shape.slice(1))];
  });
  return { forward: part, found: new Map(found) };
}

/** Of the values that gradients go to: those that a part reads but does not make, and all that it makes. */
function bordersOf(part: readonly AnyNode[], active: ReadonlySet<string>) {
  const made = new Set(part.flatMap(({ outputs }) => outputs).filter((name) => name !== ""));
  const entering = new Set(
    part.flatMap(({ inputs }) => inputs).filter((name) => active.has(name) && !made.has(name)),
  );
  return { entering, made };
}

/** The first node of each part: parts make about equally many bytes, and few bytes cross from one to the next. */
function cutsOf(graph: StaticGraph, parts: number): readonly number[] {
  const bytes = graph.nodes.map((node) => sumOf(node.outputs, (name) => bytesOf(graph, name)));
  const crossing = crossingOf(graph);
  const total = bytes.reduce((a, b) => a + b, 0);
  const starts = [0];
  let made = 0;
  let best: { readonly at: number; readonly bytes: number } | undefined;
  for (const [i, size] of bytes.entries()) {
    const share = (made / total) * parts;
    const next = starts.length;
    if (next < parts && share >= next - CUT_PLAY && i > (starts.at(-1) ?? 0)) {
      const here = crossing[i] ?? 0;
      if (best === undefined || here < best.bytes) best = { at: i, bytes: here };
      if (share >= next + CUT_PLAY) {
        starts.push(best.at);
        best = undefined;
      }
    }
    made += size;
  }
  if (best !== undefined && starts.length < parts) starts.push(best.at);
  assert(starts.length <= parts, "as many parts as asked for, at most");
  return starts;
}

/** Bytes of the values that are made before a node and read by it or after it. */
function crossingOf(graph: StaticGraph): readonly number[] {
  const lastRead = new Map<string, number>();
  for (const [i, { inputs }] of graph.nodes.entries()) for (const name of inputs) lastRead.set(name, i);
  const change = new Array<number>(graph.nodes.length + 2).fill(0);
  for (const [i, { outputs }] of graph.nodes.entries()) {
    for (const name of outputs) {
      const until = lastRead.get(name);
      if (until === undefined) continue;
      const size = bytesOf(graph, name);
      change[i + 1] = (change[i + 1] ?? 0) + size;
      change[until + 1] = (change[until + 1] ?? 0) - size;
    }
  }
  let live = 0;
  return change.map((by) => {
    live += by;
    return live;
  });
}

const WIDE: ReadonlySet<DType> = new Set<DType>(["float64", "int64"]);

function bytesOf(graph: StaticGraph, name: string): number {
  if (name === "") return 0;
  const { dtype, shape } = typedValue(graph.types, name);
  return sizeOf(shape) * (WIDE.has(dtype) ? 8 : 4);
}

function sumOf(names: readonly string[], of: (name: string) => number): number {
  return names.reduce((total, name) => total + of(name), 0);
}
