/**
 * A model whose file holds numbers of 16 bits, written as such: weights at half the size, inputs and outputs of the type
 * that its users know. What is computed stays float32, between a Cast after each input and weight and one before each
 * output; those that the model has there already are used, so that reading and writing adds none.
 */
import type { AnyNode, Graph, GraphNode } from "../graph/graph.ts";
import { readsOf } from "../graph/reads.ts";
import type { HalfType } from "../graph/tensor.ts";
import { HALF_NUMBER } from "./half.ts";
import type { GraphProto, ValueInfoProto } from "./onnx_pb.ts";
import { writeTensor } from "./tensors.ts";

export function writeHalves(
  graph: Graph,
  halves: ReadonlyMap<string, HalfType>,
  write: (graph: Graph) => GraphProto,
): GraphProto {
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const given = [...graph.inputs.map(({ name }) => name), ...graph.initializers.keys()];
  const names = namesOf(graph);
  const wide = new Map(
    given.filter((name) => halves.has(name)).map((name) => [name, fresh(`${name}/float32`, names)]),
  );
  const narrowed = new Map(
    uncastOutputs(graph)
      .filter((name) => halves.has(name))
      .map((name) => [name, fresh(`${name}/float32`, names)]),
  );
  // Inside, an output goes by another name: its own is that of the narrow one.
  const nodes = graph.nodes.map((node) => renamed(node, wide, narrowed));
  const needed = new Set([...nodes.flatMap(readsOf), ...narrowed.values()]);
  const casts = [...wide].filter(([, name]) => needed.has(name)).map(([name, to]) => cast(name, to));
  const proto = write({
    ...graph,
    nodes: [...casts, ...nodes, ...[...narrowed].map(([name, from]) => cast(from, name))],
  });
  for (const initializer of proto.initializer) {
    const [tensor, half] = [graph.initializers.get(initializer.name), halves.get(initializer.name)];
    if (tensor !== undefined && half !== undefined)
      Object.assign(initializer, writeTensor(tensor, initializer.name, half));
  }
  for (const value of [...proto.input, ...proto.output]) declare(value, halves.get(value.name));
  for (const node of proto.node) {
    const half = halves.get(node.output[0] ?? "");
    const to = node.attribute.find(({ name }) => name === "to");
    if (node.opType === "Cast" && half !== undefined && outputs.has(node.output[0] ?? "") && to !== undefined)
      to.i = BigInt(HALF_NUMBER[half]);
  }
  return proto;
}

/** Those that no Cast makes for the output alone. */
function uncastOutputs({ nodes, outputs }: Graph): readonly string[] {
  const read = new Set(nodes.flatMap(readsOf));
  const makers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  return outputs.flatMap(({ name }) => {
    const maker = makers.get(name);
    const isCast = maker?.op === "Cast" && maker.attributes.to === "float32" && !read.has(name);
    return maker === undefined || isCast ? [] : [name];
  });
}

function declare(value: ValueInfoProto, half: HalfType | undefined): void {
  if (half !== undefined && value.type?.value.case === "tensorType")
    value.type.value.value.elemType = HALF_NUMBER[half];
}

/** A Cast to float32 reads what is narrow; all others read it cast. */
function renamed(
  node: AnyNode,
  wide: ReadonlyMap<string, string>,
  narrowed: ReadonlyMap<string, string>,
): AnyNode {
  const isWidening = node.op === "Cast" && node.attributes.to === "float32";
  const inputOf = (name: string) => narrowed.get(name) ?? (isWidening ? name : (wide.get(name) ?? name));
  const outputs = node.outputs.map((name) => narrowed.get(name) ?? name);
  if (node.op !== "Scan") return { ...node, inputs: node.inputs.map(inputOf), outputs };
  const body = bodyRenamed(node.attributes.body, wide, narrowed);
  return { ...node, inputs: node.inputs.map(inputOf), outputs, attributes: { ...node.attributes, body } };
}

/** What the body makes itself hides what is around it. */
function bodyRenamed(
  body: Graph,
  wide: ReadonlyMap<string, string>,
  narrowed: ReadonlyMap<string, string>,
): Graph {
  const own = new Set([...body.inputs.map(({ name }) => name), ...body.initializers.keys()]);
  for (const { outputs } of body.nodes) for (const name of outputs) own.add(name);
  const visible = (names: ReadonlyMap<string, string>) =>
    new Map([...names].filter(([name]) => !own.has(name)));
  const [outerWide, outerNarrowed] = [visible(wide), visible(narrowed)];
  return { ...body, nodes: body.nodes.map((node) => renamed(node, outerWide, outerNarrowed)) };
}

function cast(from: string, to: string): GraphNode<"Cast"> {
  return { op: "Cast", name: to, inputs: [from], outputs: [to], attributes: { to: "float32" } };
}

function namesOf(graph: Graph): Set<string> {
  return new Set([
    ...graph.initializers.keys(),
    ...graph.inputs.map(({ name }) => name),
    ...graph.nodes.flatMap(({ name, outputs }) => [name, ...outputs]),
  ]);
}

function fresh(wanted: string, names: Set<string>): string {
  let name = wanted;
  for (let i = 1; names.has(name); i++) name = `${wanted}${i}`;
  names.add(name);
  return name;
}
