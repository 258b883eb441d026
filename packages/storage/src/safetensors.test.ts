import type { DType, Tensor } from "@pingo/autograd";
import { assertDefined, isFault, LIMITS } from "@pingo/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeSafetensors, encodeSafetensors, placeSafetensors } from "./safetensors.ts";
import { bytesOfTensor } from "./tensor-bytes.ts";
import { arbTensor } from "./testing/arbitrary-tensors.ts";

const DTYPES: readonly DType[] = ["float32", "float64", "int64", "int32", "int8", "uint8", "bool"];

test("notes come first, for whoever looks, and change no tensor", () => {
  const tensors = new Map<string, Tensor>([
    ["w", { dtype: "float32", shape: [2], data: Float32Array.of(1, 2) }],
  ]);
  const bytes = encodeSafetensors(tensors, { rank: "8" });
  expect(new TextDecoder().decode(bytes.subarray(8, 40))).toMatch(/^\{"__metadata__":\{"rank":"8"\},/);
  expect(decodeSafetensors(bytes)).toEqual(tensors);
});

const arbTensors = fc.dictionary(
  fc.string({ maxLength: 12 }).filter((name) => name !== "__metadata__" && name !== "__proto__"),
  fc
    .tuple(fc.constantFrom(...DTYPES), fc.array(fc.nat({ max: 4 }), { maxLength: 4 }))
    .chain(([dtype, shape]) => arbTensor(dtype, shape)),
  { maxKeys: 6 },
);

/** A file with this header and so many bytes. */
function fileOf(header: string | object, dataBytes = 0): Uint8Array {
  const text = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const file = new Uint8Array(8 + text.byteLength + dataBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.byteLength), true);
  file.set(text, 8);
  return file;
}

function tensor(dtype: string, shape: readonly number[], begin: number, end: number): object {
  return { dtype, shape, data_offsets: [begin, end] };
}

test("any tensors come back bit for bit, also from the middle of a larger buffer", () => {
  fc.assert(
    fc.property(arbTensors, fc.nat({ max: 7 }), (record, shift) => {
      const tensors = new Map(Object.entries(record));
      const file = encodeSafetensors(tensors);
      const shifted = Buffer.alloc(file.byteLength + shift);
      shifted.set(file, shift);
      const decoded = decodeSafetensors(shifted.subarray(shift));
      expect([...decoded.keys()].sort()).toEqual([...tensors.keys()].sort());
      for (const [name, tensor] of tensors) {
        const found = decoded.get(name);
        expect([found?.dtype, found?.shape]).toEqual([tensor.dtype, tensor.shape]);
        const bytes = bytesOfTensor(assertDefined(found, "just compared"));
        expect(Buffer.compare(bytes, bytesOfTensor(tensor))).toBe(0);
      }
    }),
  );
});

async function* cutAt(file: Uint8Array, cuts: readonly number[]): AsyncIterable<Uint8Array> {
  const ends = [...cuts.map((cut) => cut % (file.byteLength + 1)), file.byteLength].sort((a, b) => a - b);
  let from = 0;
  for (const end of ends) {
    yield file.subarray(from, end);
    from = end;
  }
}

/** The file's tensors, placed piece by piece. */
async function place(file: Uint8Array, cuts: readonly number[], sizeBytes = file.byteLength) {
  let targets = new Map<string, Uint8Array>();
  await placeSafetensors(cutAt(file, cuts), sizeBytes, (placeByName) => {
    targets = new Map([...placeByName].map(([name, { begin, end }]) => [name, new Uint8Array(end - begin)]));
    return targets;
  });
  return targets;
}

test("a file cut into any pieces is placed as it is decoded whole", async () => {
  await fc.assert(
    fc.asyncProperty(arbTensors, fc.array(fc.nat(), { maxLength: 12 }), async (record, cuts) => {
      const file = encodeSafetensors(new Map(Object.entries(record)));
      const placed = await place(file, cuts);
      const decoded = decodeSafetensors(file);
      expect([...placed.keys()]).toEqual([...decoded.keys()]);
      for (const [name, bytes] of placed) {
        expect(Buffer.compare(bytes, bytesOfTensor(assertDefined(decoded.get(name), name)))).toBe(0);
      }
    }),
  );
});

test("pieces that end early, go on for too long or hold a BOOL of 2 are refused", async () => {
  const file = fileOf({ x: tensor("BOOL", [4], 0, 4) }, 4);
  const short = file.subarray(0, file.byteLength - 1);
  await expect(place(short, [], file.byteLength)).rejects.toThrow("ends after 3 bytes");
  await expect(place(file.subarray(0, 20), [], file.byteLength)).rejects.toThrow("ends inside its header");
  const long = fileOf({ x: tensor("BOOL", [4], 0, 4) }, 5);
  await expect(place(long, [], file.byteLength)).rejects.toThrow("more bytes follow");
  file[file.byteLength - 1] = 2;
  await expect(place(file, [3, 30])).rejects.toThrow("not 0 or 1");
});

test("equal tensors have one encoding, in whatever order they come, with aligned bytes", () => {
  const a: Tensor = { dtype: "uint8", shape: [3], data: Uint8Array.of(1, 2, 3) };
  const b: Tensor = { dtype: "float32", shape: [], data: Float32Array.of(1.5) };
  const one = encodeSafetensors(new Map([["a", a] as const, ["b", b] as const]));
  expect(encodeSafetensors(new Map([["b", b] as const, ["a", a] as const]))).toEqual(one);
  expect(new TextDecoder().decode(one.subarray(8)).slice(0, 60)).toBe(
    '{"b":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"a":{"d',
  );
  expect(Number(new DataView(one.buffer).getBigUint64(0, true)) % 8).toBe(0);
});

test("a file written elsewhere, with metadata and spaces, is read", () => {
  const header =
    '{"__metadata__":{"format":"pt"},\n "x" : {"shape":[2], "data_offsets":[0,4],"dtype":"U8"} }   ';
  expect(() => decodeSafetensors(fileOf(header, 4))).toThrow("4 bytes, which its shape");
  expect(decodeSafetensors(fileOf(header.replace("[0,4]", "[0,2]"), 2)).get("x")?.shape).toEqual([2]);
  expect(decodeSafetensors(fileOf("{}")).size).toBe(0);
});

const entry = '{"dtype":"U8","shape":[1],"data_offsets":[0,1]}';

test.each([
  ["it is shorter than 8 bytes", new Uint8Array(7)],
  ["it ends inside its header", fileOf({}).subarray(0, 9)],
  ["does not begin with {", fileOf(" {}")],
  ["does not begin with {", fileOf("\ufeff{}")],
  ["is not UTF-8", Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0xff)],
  ['the name "x" occurs twice', fileOf(`{"x":${entry},"x":${entry}}`, 1)],
  ['the name "x" occurs twice', fileOf(`{"x":${entry},"\\u0078":${entry}}`, 1)],
  ['the name "dtype" occurs twice', fileOf('{"x":{"dtype":"U8","dtype":"U8"}}')],
  ["unknown key", fileOf('{"x":{"a":1}}')],
  ["lacks its dtype", fileOf('{"x":{"dtype":"U8"}}')],
  ["lacks its dtype", fileOf('{"x":{"dtype":"U8","shape":[],"data_offsets":[0]}}', 1)],
  ['"{" is missing', fileOf('{"x":[[[[]]]]}')],
  ["a string is missing", fileOf('{"__metadata__":{"a":{"b":{}}}}')],
  ["a whole number is missing", fileOf('{"x":{"shape":[-1]}}')],
  ["a whole number is missing", fileOf('{"x":{"shape":[1.5]}}')],
  ["a whole number is missing", fileOf('{"x":{"shape":[1e3]}}')],
  ["not a safe number", fileOf('{"x":{"shape":[9999999999999999]}}')],
  ["more than 8 numbers", fileOf(`{"x":{"shape":[${Array(9).fill(1)}]}}`)],
  ["text after the header's end", fileOf("{} {}")],
  ["is not well formed", fileOf('{"x')],
  ["is not well formed", fileOf('{"a\nb":{}}')],
  ["which PinGo does not read", fileOf({ x: tensor("F8_E4M3", [1], 0, 1) }, 1)],
  ["which its shape and type do not have", fileOf({ x: tensor("F32", [2], 0, 4) }, 4)],
  ["too many elements", fileOf({ x: tensor("U8", [2 ** 30, 2 ** 30], 0, 0) })],
  ["begins at 1 and not at 0", fileOf({ x: tensor("U8", [1], 1, 2) }, 2)],
  ["begins at 0 and not at 1", fileOf({ x: tensor("U8", [1], 0, 1), y: tensor("U8", [1], 0, 1) }, 2)],
  ["begins at 2 and not at 1", fileOf({ x: tensor("U8", [1], 0, 1), y: tensor("U8", [1], 2, 3) }, 3)],
  ["ends before it begins", fileOf({ x: tensor("U8", [1], 0, 1), y: tensor("U8", [1], 1, 0) }, 1)],
  ["have 1 bytes but 2 follow", fileOf({ x: tensor("U8", [1], 0, 1) }, 2)],
  ["have 2 bytes but 1 follow", fileOf({ x: tensor("U8", [2], 0, 2) }, 1)],
])("SAFETENSORS_MALFORMED: %s", (why, file) => {
  expect(() => decodeSafetensors(file)).toThrow(why);
});

test("a BOOL that is not 0 or 1 is refused", () => {
  const file = fileOf({ x: tensor("BOOL", [1], 0, 1) }, 1);
  file[file.byteLength - 1] = 2;
  expect(() => decodeSafetensors(file)).toThrow("not 0 or 1");
});

test("a header over the limit is refused before it is read", () => {
  const file = fileOf({});
  for (const headerBytes of [BigInt(LIMITS.safetensorsHeaderBytesMax) + 1n, 2n ** 64n - 1n]) {
    new DataView(file.buffer).setBigUint64(0, headerBytes, true);
    expect(() => decodeSafetensors(file)).toThrow(/at most 16777216 are accepted/);
  }
});

test("a header of the limit's length, all spaces or one name, is read without overflow", () => {
  const spaces = `{${" ".repeat(LIMITS.safetensorsHeaderBytesMax - 2)}}`;
  expect(decodeSafetensors(fileOf(spaces)).size).toBe(0);
  const name = "n".repeat(LIMITS.safetensorsHeaderBytesMax - entry.length - 5);
  expect(decodeSafetensors(fileOf(`{"${name}":${entry}}`, 1)).size).toBe(1);
});

test("noise, cut files and flipped bytes give tensors or coded faults, nothing else", () => {
  const decode = (bytes: Uint8Array): void => {
    try {
      decodeSafetensors(bytes);
    } catch (error) {
      if (!isFault(error)) throw error;
    }
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), decode), { numRuns: 500 });
  fc.assert(
    fc.property(fc.string({ maxLength: 200 }), (text) => decode(fileOf(`{"${text}`))),
    { numRuns: 500 },
  );
  fc.assert(
    fc.property(arbTensors, fc.nat(), fc.nat(), fc.nat({ max: 255 }), (record, at, length, byte) => {
      const file = encodeSafetensors(new Map(Object.entries(record)));
      decode(file.subarray(0, length % (file.byteLength + 1)));
      file[at % file.byteLength] = byte;
      decode(file);
    }),
    { numRuns: 500 },
  );
});
