/**
 * A walk over the protobuf of a model before anything is built: is it well formed, and not too much?
 *
 * A few bytes of protobuf can ask for a large object, so fields are counted first.
 * SOURCE: https://protobuf.dev/programming-guides/encoding/
 */
import { LIMITS } from "@pingo/core";
import { ModelError } from "./fault.ts";

type MessageName =
  | "model"
  | "graph"
  | "function"
  | "node"
  | "attribute"
  | "tensor"
  | "value"
  | "type"
  | "tensorType"
  | "shape"
  | "leaf";

/** Fields that hold messages which the reader builds. */
const MESSAGES: { readonly [M in MessageName]: ReadonlyMap<number, MessageName> } = {
  model: new Map([
    [7, "graph"],
    [8, "leaf"],
    [25, "function"],
  ]),
  function: new Map([
    [7, "node"],
    [9, "leaf"],
    [11, "attribute"],
  ]),
  graph: new Map([
    [1, "node"],
    [5, "tensor"],
    [11, "value"],
    [12, "value"],
  ]),
  node: new Map([[5, "attribute"]]),
  attribute: new Map([
    [5, "tensor"],
    [6, "graph"],
  ]),
  value: new Map([[2, "type"]]),
  type: new Map([[1, "tensorType"]]),
  tensorType: new Map([[2, "shape"]]),
  shape: new Map([[1, "leaf"]]),
  tensor: new Map(),
  leaf: new Map(),
};

/** Fields of packed numbers. */
const PACKED: { readonly [M in MessageName]?: ReadonlySet<number> } = {
  attribute: new Set([7, 8]),
  tensor: new Set([1, 4, 5, 7, 10]),
};

/** Those among them that are varints: a byte may become an object. */
const VARINTS: { readonly [M in MessageName]?: ReadonlySet<number> } = {
  attribute: new Set([8]),
  tensor: new Set([1, 5, 7]),
};

/** @throws {ModelError} MODEL_NOT_ONNX, MODEL_TOO_LARGE */
export function scanModel(bytes: Uint8Array): void {
  atMost("bytes", bytes.byteLength, LIMITS.modelBytesMax);
  const counts = { fields: 0, messages: 0, nodes: 0, packedBytes: 0, integers: 0, subgraphs: -1 };
  const walk = (message: MessageName, from: number, to: number, graphs: number): void => {
    if (message === "graph") {
      atMost("nested graphs", graphs - 1, LIMITS.modelSubgraphDepthMax);
      atMost("subgraphs", ++counts.subgraphs, LIMITS.modelSubgraphsMax);
    }
    if (message === "node") atMost("nodes", ++counts.nodes, LIMITS.modelNodesMax);
    for (let at = from; at < to; ) {
      atMost("fields", ++counts.fields, LIMITS.modelFieldsMax);
      const field = readField(bytes, at, to);
      at = field.end;
      if (field.wire !== 2) continue;
      if (PACKED[message]?.has(field.number)) {
        counts.packedBytes += field.end - field.start;
        atMost("bytes of numbers outside raw_data", counts.packedBytes, LIMITS.modelPackedBytesMax);
      }
      if (VARINTS[message]?.has(field.number)) {
        for (let i = field.start; i < field.end; i++) if ((bytes[i] ?? 0) < 128) counts.integers++;
        atMost("whole numbers outside raw_data", counts.integers, LIMITS.modelIntegersMax);
      }
      const inner = MESSAGES[message].get(field.number);
      if (inner !== undefined) atMost("parts", ++counts.messages, LIMITS.modelMessagesMax);
      if (inner !== undefined) walk(inner, field.start, field.end, graphs + (inner === "graph" ? 1 : 0));
    }
  };
  walk("model", 0, bytes.byteLength, 0);
}

interface Field {
  readonly number: number;
  readonly wire: number;
  readonly start: number;
  readonly end: number;
}

function readField(bytes: Uint8Array, at: number, to: number): Field {
  const tag = readVarint(bytes, at, to);
  const [number, wire] = [Math.floor(tag.value / 8), tag.value % 8];
  if (number === 0 || number > 0x1fffffff) throw notOnnx("it is no protobuf message");
  const start = tag.next;
  if (wire === 0) return { number, wire, start, end: readVarint(bytes, start, to).next };
  if (wire === 1) return bounded({ number, wire, start, end: start + 8 }, to);
  if (wire === 5) return bounded({ number, wire, start, end: start + 4 }, to);
  if (wire !== 2) throw notOnnx("it is no protobuf message");
  const length = readVarint(bytes, start, to);
  return bounded({ number, wire, start: length.next, end: length.next + length.value }, to);
}

function bounded(field: Field, to: number): Field {
  if (field.end > to) throw notOnnx("it ends too early; copy or download it again");
  return field;
}

function readVarint(bytes: Uint8Array, at: number, to: number): { value: number; next: number } {
  let value = 0;
  for (let i = 0; i < 10; i++) {
    const byte = at + i < to ? bytes[at + i] : undefined;
    if (byte === undefined) throw notOnnx("it ends too early; copy or download it again");
    // Beyond 2^53 the value is rounded; only its being too large matters then.
    value += (byte & 127) * 2 ** (7 * i);
    if (byte < 128) return { value, next: at + i + 1 };
  }
  throw notOnnx("it is no protobuf message");
}

function atMost(what: string, value: number, max: number): void {
  if (value > max) throw new ModelError({ code: "MODEL_TOO_LARGE", what, value, max });
}

function notOnnx(why: string): ModelError {
  return new ModelError({ code: "MODEL_NOT_ONNX", why });
}
