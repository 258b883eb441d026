/** Breaks a model the way damage and malice do: at the bytes, and at the parts that the bytes stand for. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Prng } from "@pingo/core";
import { OPS } from "../../src/graph/ops.ts";
import {
  type AttributeProto,
  AttributeProtoSchema,
  FunctionProtoSchema,
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  TensorProtoSchema,
  ValueInfoProtoSchema,
} from "../../src/onnx/onnx_pb.ts";

const KINDS = Object.keys(OPS);
const NUMBERS = [
  0n,
  1n,
  -1n,
  2n,
  255n,
  -(2n ** 31n),
  2n ** 31n,
  2n ** 40n,
  2n ** 53n,
  2n ** 62n,
  -(2n ** 63n),
];

/** One to four mutations of a model, the same for the same seed. */
export function mutate(model: Uint8Array, others: readonly Uint8Array[], prng: Prng): Uint8Array {
  let bytes = model;
  for (let left = 1 + prng.int(4); left > 0; left--) {
    bytes = prng.int(5) === 0 ? mutateBytes(bytes, others, prng) : mutateParts(bytes, prng);
  }
  return bytes;
}

type Bytes = Uint8Array;

function mutateBytes(bytes: Bytes, others: readonly Bytes[], prng: Prng): Bytes {
  const at = prng.int(Math.max(1, bytes.length));
  const length = 1 + prng.int(64);
  switch (prng.int(7)) {
    case 0: {
      const flipped = bytes.slice();
      for (let i = prng.int(8); i >= 0; i--) flipped[prng.int(Math.max(1, bytes.length))] = prng.int(256);
      return flipped;
    }
    case 1:
      return bytes.slice(0, at);
    case 2: // a piece of another model, or of this one
      return spliced(bytes, at, 0, pieceOf(others[prng.int(Math.max(1, others.length))] ?? bytes, prng));
    case 3:
      return spliced(bytes, at, length, new Uint8Array());
    case 4:
      return spliced(bytes, at, 0, bytes.slice(at, at + length));
    case 5: // a varint that does not end, or is as large as one can be
      return spliced(bytes, at, prng.int(3), new Uint8Array(prng.int(2) === 0 ? 9 : 12).fill(255));
    default: // a field that says it is long
      return spliced(bytes, at, 0, Uint8Array.of((1 + prng.int(15)) * 8 + 2, 255, 255, 255, 255, 7));
  }
}

function spliced(bytes: Bytes, at: number, removed: number, added: Bytes): Bytes {
  const result = new Uint8Array(Math.max(at, bytes.length - removed) + added.length);
  result.set(bytes.subarray(0, at));
  result.set(added, at);
  result.set(bytes.subarray(at + removed), at + added.length);
  return result;
}

function pieceOf(bytes: Bytes, prng: Prng): Bytes {
  const from = prng.int(Math.max(1, bytes.length));
  return bytes.slice(from, from + 1 + prng.int(256));
}

/** Where the bytes are no model any more, they stay as they are. */
function mutateParts(bytes: Bytes, prng: Prng): Bytes {
  let model: ModelProto;
  try {
    model = fromBinary(ModelProtoSchema, bytes);
  } catch {
    return mutateBytes(bytes, [], prng);
  }
  const { graph } = model;
  if (graph === undefined) return bytes;
  PARTS[prng.int(PARTS.length)]?.(graph, prng, model);
  return toBinary(ModelProtoSchema, model);
}

function pick<T>(values: readonly T[], prng: Prng): T | undefined {
  return values[prng.int(Math.max(1, values.length))];
}

function anyNode(graph: GraphProto, prng: Prng): NodeProto | undefined {
  return pick(graph.node, prng);
}

function anyAttribute(graph: GraphProto, prng: Prng): AttributeProto | undefined {
  return pick(
    graph.node.flatMap(({ attribute }) => attribute),
    prng,
  );
}

function valueNames(graph: GraphProto): string[] {
  return [
    ...graph.input.map(({ name }) => name),
    ...graph.initializer.map(({ name }) => name),
    ...graph.node.flatMap(({ output }) => output),
    "",
  ];
}

type Part = (graph: GraphProto, prng: Prng, model: ModelProto) => void;

const PARTS: readonly Part[] = [
  // An operator of another kind over the same inputs.
  (graph, prng) => {
    const node = anyNode(graph, prng);
    if (node !== undefined) node.opType = pick(KINDS, prng) ?? "";
  },
  (graph, prng) => {
    const node = anyNode(graph, prng);
    if (node !== undefined) node.domain = pick(["", "com.microsoft", "ai.onnx.ml", "x"], prng) ?? "";
  },
  // Another value read: cycles, wrong types, things left out.
  (graph, prng) => {
    const node = anyNode(graph, prng);
    const name = pick(valueNames(graph), prng) ?? "";
    if (node === undefined) return;
    if (prng.int(3) === 0) node.input.push(name);
    else node.input[prng.int(node.input.length + 1)] = name;
  },
  // A name made twice.
  (graph, prng) => {
    const node = anyNode(graph, prng);
    if (node !== undefined)
      node.output[prng.int(node.output.length + 1)] = pick(valueNames(graph), prng) ?? "";
  },
  (graph, prng) => {
    const [node, other] = [anyNode(graph, prng), anyNode(graph, prng)];
    if (node !== undefined && other !== undefined) node.attribute.push(...other.attribute);
  },
  (graph, prng) => {
    const node = anyNode(graph, prng);
    node?.attribute.splice(prng.int(node.attribute.length + 1), 1);
  },
  (graph, prng) => {
    const attribute = anyAttribute(graph, prng);
    if (attribute === undefined) return;
    attribute.i = pick(NUMBERS, prng) ?? 0n;
    attribute.f = pick([0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e38], prng) ?? 0;
    if (attribute.ints.length > 0)
      attribute.ints[prng.int(attribute.ints.length)] = pick(NUMBERS, prng) ?? 0n;
  },
  (graph, prng) => {
    const attribute = anyAttribute(graph, prng);
    if (attribute !== undefined)
      attribute.ints.splice(0, prng.int(3), ...NUMBERS.slice(0, prng.int(NUMBERS.length)));
  },
  (graph, prng) => {
    const attribute = anyAttribute(graph, prng);
    if (attribute !== undefined) attribute.type = prng.int(12);
  },
  // A graph inside a graph inside a graph.
  (graph, prng) => {
    const attribute = anyAttribute(graph, prng);
    if (attribute === undefined) return;
    const copy = structuredClone(graph);
    if (prng.int(2) === 0) copy.node = copy.node.slice(0, 3);
    attribute.g = copy;
    attribute.type = 5;
  },
  // A node that calls nodes of the model as a function, itself among them perhaps.
  (graph, prng, model) => {
    const node = anyNode(graph, prng);
    if (node === undefined) return;
    const from = prng.int(graph.node.length);
    const body = structuredClone(graph.node.slice(from, from + 1 + prng.int(3)));
    const [first, last] = [body[0], body.at(-1)];
    model.functions.push(
      create(FunctionProtoSchema, {
        name: "F",
        domain: "x",
        input: [...(first?.input ?? [])],
        output: [...(last?.output ?? [])],
        node: body,
      }),
    );
    node.domain = "x";
    node.opType = "F";
  },
  // A loop of few or of very many turns over the model itself.
  (graph, prng) => {
    const node = anyNode(graph, prng);
    if (node === undefined) return;
    const count = `turns ${prng.int(1000)}`;
    const whole = create(TensorProtoSchema, {
      name: count,
      dataType: 7,
      int64Data: [pick([0n, 1n, 3n, 100n, 2n ** 40n], prng) ?? 0n],
    });
    const body = structuredClone(graph);
    graph.initializer.push(whole);
    node.opType = "Loop";
    node.input = [count, "", ...node.input];
    body.node = body.node.slice(0, 1 + prng.int(3));
    body.input = ["i", "going", ...node.input.slice(2)].map((name) => create(ValueInfoProtoSchema, { name }));
    body.output = ["going", ...node.output].map((name) => create(ValueInfoProtoSchema, { name }));
    node.attribute = [create(AttributeProtoSchema, { name: "body", type: 5, g: body })];
  },
  // Giant, negative and unknown sizes.
  (graph, prng) => {
    const type = pick(graph.input, prng)?.type?.value;
    if (type?.case !== "tensorType") return;
    const dim = pick(type.value.shape?.dim ?? [], prng);
    if (dim !== undefined) dim.value = { case: "dimValue", value: pick(NUMBERS, prng) ?? 0n };
  },
  (graph, prng) => {
    const type = pick(graph.input, prng)?.type?.value;
    if (type?.case === "tensorType") type.value.elemType = prng.int(20);
  },
  (graph, prng) => {
    const tensor = pick(graph.initializer, prng);
    if (tensor !== undefined) tensor.dims[prng.int(tensor.dims.length + 1)] = pick(NUMBERS, prng) ?? 0n;
  },
  (graph, prng) => {
    const tensor = pick(graph.initializer, prng);
    if (tensor !== undefined) tensor.dataType = prng.int(20);
  },
  // Numbers said to lie in another file.
  (graph, prng) => {
    const tensor = pick(graph.initializer, prng);
    if (tensor !== undefined) tensor.dataLocation = prng.int(4);
  },
  (graph, prng) => {
    const tensor = pick(graph.initializer, prng);
    if (tensor === undefined) return;
    const length = prng.int(3) === 0 ? 0 : (tensor.rawData?.length ?? 0) + prng.int(5);
    tensor.rawData = new Uint8Array(length).map(() => prng.int(256));
  },
  // Order, and parts that are there twice or not at all.
  (graph, prng) => {
    const node = anyNode(graph, prng);
    if (node !== undefined) graph.node.splice(prng.int(graph.node.length + 1), 0, node);
  },
  (graph, prng) => {
    graph.node.splice(prng.int(graph.node.length + 1), 1);
  },
  (graph) => {
    graph.node.reverse();
  },
  (graph, prng) => {
    graph.output = graph.output.slice(prng.int(2)).concat(graph.output.slice(0, prng.int(2)));
    const first = graph.output[0];
    if (first !== undefined) first.name = pick(valueNames(graph), prng) ?? "";
  },
  (graph, prng) => {
    graph.initializer.splice(prng.int(graph.initializer.length + 1), 1);
  },
  (_, prng, model) => {
    for (const opset of model.opsetImport) opset.version = BigInt(prng.int(40));
  },
];
