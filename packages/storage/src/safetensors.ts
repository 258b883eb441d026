/**
 * Tensors in a file that is data only: a checked header, then bytes.
 *
 * SOURCE: https://huggingface.co/docs/safetensors (format)
 */
import type { DType, Tensor } from "@pingo/autograd";
import { assert, assertDefined, concatBytes, LIMITS } from "@pingo/core";
import { type HeaderEntry, METADATA, malformed, parseHeader } from "./safetensors-header.ts";
import { StorageError } from "./storage-error.ts";
import { BYTES_BY_DTYPE, bytesOfTensor, elementsOf, tensorOfBytes } from "./tensor-bytes.ts";

const LENGTH_BYTES = 8;
/** The bytes begin at a multiple of it, so readers may map them. */
const ALIGNMENT = 8;

const NAME_BY_DTYPE: { readonly [D in DType]: string } = {
  float32: "F32",
  float64: "F64",
  int64: "I64",
  int32: "I32",
  int8: "I8",
  uint8: "U8",
  bool: "BOOL",
};
const DTYPE_BY_NAME: ReadonlyMap<string, DType> = new Map([
  ["F32", "float32"],
  ["F64", "float64"],
  ["I64", "int64"],
  ["I32", "int32"],
  ["I8", "int8"],
  ["U8", "uint8"],
  ["BOOL", "bool"],
]);

/**
 * One encoding for equal tensors, in whatever order they come: widest elements first, then by name.
 *
 * @param notes  what readers of the file may want to know of it, as the format's metadata
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, Tensor>,
  notes: Readonly<Record<string, string>> = {},
): Uint8Array {
  const ordered = [...tensors].sort(
    ([a, one], [b, other]) =>
      BYTES_BY_DTYPE[other.dtype] - BYTES_BY_DTYPE[one.dtype] || (a < b ? -1 : Number(a > b)),
  );
  let end = 0;
  const entries = ordered.map(([name, { dtype, shape, data }]) => {
    assert(
      data.length === elementsOf(shape),
      `tensor "${name}" has ${data.length} elements, not its shape's`,
    );
    assert(name !== METADATA, `a tensor cannot be named ${METADATA}`);
    const begin = end;
    end += data.byteLength;
    return `${JSON.stringify(name)}:${JSON.stringify({ dtype: NAME_BY_DTYPE[dtype], shape, data_offsets: [begin, end] })}`;
  });
  if (Object.keys(notes).length > 0) entries.unshift(`${JSON.stringify(METADATA)}:${JSON.stringify(notes)}`);
  const header = new TextEncoder().encode(`{${entries.join(",")}}`);
  const headerBytes = Math.ceil(header.byteLength / ALIGNMENT) * ALIGNMENT;
  const file = new Uint8Array(LENGTH_BYTES + headerBytes + end);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.fill(0x20, LENGTH_BYTES, LENGTH_BYTES + headerBytes).set(header, LENGTH_BYTES);
  let at = LENGTH_BYTES + headerBytes;
  for (const [, tensor] of ordered) {
    file.set(bytesOfTensor(tensor), at);
    at += tensor.data.byteLength;
  }
  return file;
}

/**
 * The tensors of a file, in the order of its header; their memory is their own.
 *
 * @throws {StorageError} SAFETENSORS_MALFORMED, SAFETENSORS_HEADER_TOO_LARGE
 */
export function decodeSafetensors(bytes: Uint8Array): ReadonlyMap<string, Tensor> {
  const layout = readLayout(bytes, bytes.byteLength);
  assert(typeof layout !== "number", "the file is whole");
  const { dataAt, placeByName } = layout;
  const tensors = new Map<string, Tensor>();
  for (const [name, { dtype, shape, begin, end }] of placeByName) {
    const own = new Uint8Array(bytes.subarray(dataAt + begin, dataAt + end));
    checkBools(name, dtype, own);
    tensors.set(name, tensorOfBytes(dtype, shape, own));
  }
  return tensors;
}

/** Where a tensor's bytes lie, counted from the end of the header. */
export interface TensorPlace {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/**
 * Puts the tensors of a file that comes in pieces where the caller wants them. Besides the header nothing is
 * held: a large file needs no second copy of itself in memory.
 *
 * @param targetsOf the memory for each tensor, of its size; throws when it does not want them
 * @throws {StorageError} SAFETENSORS_MALFORMED, SAFETENSORS_HEADER_TOO_LARGE; what lies in the targets then is of no use
 */
export async function placeSafetensors(
  pieces: AsyncIterable<Uint8Array>,
  sizeBytes: number,
  targetsOf: (placeByName: ReadonlyMap<string, TensorPlace>) => ReadonlyMap<string, Uint8Array>,
): Promise<void> {
  let heads: Uint8Array[] = [];
  let headBytes = 0;
  let wantedBytes = LENGTH_BYTES;
  let spread: Spread | undefined;
  for await (const piece of pieces) {
    if (spread !== undefined) {
      spread.add(piece);
      continue;
    }
    heads.push(piece);
    headBytes += piece.byteLength;
    if (headBytes < wantedBytes) continue;
    const head = heads.length === 1 ? piece : concatBytes(heads);
    heads = [head];
    const layout = readLayout(head, sizeBytes);
    if (typeof layout === "number") {
      wantedBytes = layout;
      continue;
    }
    heads = [];
    spread = new Spread(layout, targetsOf(layout.placeByName));
    spread.add(head.subarray(layout.dataAt));
  }
  if (spread === undefined) throw malformed("it ends inside its header");
  spread.close();
}

/** Where in the targets the next byte belongs; tensors lie one after another, as checkCover has seen. */
class Spread {
  readonly #layout: Layout;
  readonly #targetByName: ReadonlyMap<string, Uint8Array>;
  readonly #ordered: readonly (TensorPlace & { readonly target: Uint8Array })[];
  #next = 0;
  #at = 0;

  constructor(layout: Layout, targetByName: ReadonlyMap<string, Uint8Array>) {
    this.#layout = layout;
    this.#targetByName = targetByName;
    this.#ordered = [...layout.placeByName]
      .map(([name, place]) => ({ ...place, target: assertDefined(targetByName.get(name), name) }))
      .sort((a, b) => a.begin - b.begin || a.end - b.end);
  }

  add(piece: Uint8Array): void {
    for (let rest = piece; rest.byteLength > 0; ) {
      const place = this.#ordered[this.#next];
      if (place === undefined) throw malformed("more bytes follow than its tensors have");
      const part = rest.subarray(0, place.end - this.#at);
      place.target.set(part, this.#at - place.begin);
      this.#at += part.byteLength;
      rest = rest.subarray(part.byteLength);
      if (this.#at === place.end) this.#next += 1;
    }
  }

  close(): void {
    const isWhole = this.#ordered.slice(this.#next).every(({ end }) => end === this.#at);
    if (!isWhole) throw malformed(`it ends after ${this.#at} bytes of its tensors`);
    for (const [name, { dtype }] of this.#layout.placeByName) {
      checkBools(name, dtype, assertDefined(this.#targetByName.get(name), name));
    }
  }
}

interface Layout {
  /** Bytes of the file before its tensors. */
  readonly dataAt: number;
  readonly placeByName: ReadonlyMap<string, TensorPlace>;
}

/** @param head the file's first bytes; the answer is how many of them it takes where these are too few */
function readLayout(head: Uint8Array, sizeBytes: number): Layout | number {
  if (sizeBytes < LENGTH_BYTES) throw malformed("it is shorter than 8 bytes");
  if (head.byteLength < LENGTH_BYTES) return LENGTH_BYTES;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const headerBytes = Number(view.getBigUint64(0, true));
  const bytesMax = LIMITS.safetensorsHeaderBytesMax;
  if (headerBytes > bytesMax) {
    throw new StorageError({ code: "SAFETENSORS_HEADER_TOO_LARGE", bytes: headerBytes, bytesMax });
  }
  const dataAt = LENGTH_BYTES + headerBytes;
  if (dataAt > sizeBytes) throw malformed("it ends inside its header");
  if (dataAt > head.byteLength) return dataAt;
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
      head.subarray(LENGTH_BYTES, dataAt),
    );
  } catch (cause) {
    throw malformed("its header is not UTF-8", cause);
  }
  const entryByName = parseHeader(text);
  checkCover(entryByName, sizeBytes - dataAt);
  const placeByName = new Map<string, TensorPlace>();
  for (const [name, entry] of entryByName) {
    const { shape, begin, end } = entry;
    placeByName.set(name, { dtype: checkEntry(name, entry), shape, begin, end });
  }
  return { dataAt, placeByName };
}

function checkBools(name: string, dtype: DType, bytes: Uint8Array): void {
  if (dtype === "bool" && bytes.some((byte) => byte > 1)) {
    throw malformed(`tensor "${name}" has a BOOL that is not 0 or 1`);
  }
}

function checkEntry(name: string, { dtype, shape, begin, end }: HeaderEntry): DType {
  const known = DTYPE_BY_NAME.get(dtype);
  if (known === undefined)
    throw malformed(`tensor "${name}" has type ${dtype.slice(0, 20)}, which PinGo does not read`);
  const elements = elementsOf(shape);
  if (!(elements <= LIMITS.tensorElementsMax)) throw malformed(`tensor "${name}" has too many elements`);
  if (elements * BYTES_BY_DTYPE[known] !== end - begin) {
    throw malformed(`tensor "${name}" has ${end - begin} bytes, which its shape and type do not have`);
  }
  return known;
}

/** Every byte belongs to exactly one tensor: nothing hides between them, and none share. */
function checkCover(entryByName: ReadonlyMap<string, HeaderEntry>, dataBytes: number): void {
  let covered = 0;
  const ordered = [...entryByName].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  for (const [name, { begin, end }] of ordered) {
    if (begin !== covered) throw malformed(`tensor "${name}" begins at ${begin} and not at ${covered}`);
    if (end < begin) throw malformed(`tensor "${name}" ends before it begins`);
    covered = end;
  }
  if (covered !== dataBytes)
    throw malformed(`its tensors have ${covered} bytes but ${dataBytes} follow the header`);
}
