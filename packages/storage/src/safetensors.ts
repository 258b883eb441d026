/**
 * Tensors in a file that is data only: a checked header, then bytes.
 *
 * SOURCE: https://huggingface.co/docs/safetensors (format)
 */
import type { DType, Tensor } from "@pingo/autograd";
import { assert, LIMITS } from "@pingo/core";
import { type HeaderEntry, malformed, parseHeader } from "./safetensors-header.ts";
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

/** One encoding for equal tensors, in whatever order they come: widest elements first, then by name. */
export function encodeSafetensors(tensors: ReadonlyMap<string, Tensor>): Uint8Array {
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
    assert(name !== "__metadata__", "a tensor cannot be named __metadata__");
    const begin = end;
    end += data.byteLength;
    return `${JSON.stringify(name)}:${JSON.stringify({ dtype: NAME_BY_DTYPE[dtype], shape, data_offsets: [begin, end] })}`;
  });
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
  const { entryByName, dataAt } = readHeader(bytes);
  const dataBytes = bytes.byteLength - dataAt;
  checkCover(entryByName, dataBytes);
  const tensors = new Map<string, Tensor>();
  for (const [name, entry] of entryByName) {
    const dtype = checkEntry(name, entry);
    const own = new Uint8Array(bytes.subarray(dataAt + entry.begin, dataAt + entry.end));
    if (dtype === "bool" && own.some((byte) => byte > 1))
      throw malformed(`tensor "${name}" has a BOOL that is not 0 or 1`);
    tensors.set(name, tensorOfBytes(dtype, entry.shape, own));
  }
  return tensors;
}

function readHeader(bytes: Uint8Array): { entryByName: ReadonlyMap<string, HeaderEntry>; dataAt: number } {
  if (bytes.byteLength < LENGTH_BYTES) throw malformed("it is shorter than 8 bytes");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerBytes = Number(view.getBigUint64(0, true));
  const bytesMax = LIMITS.safetensorsHeaderBytesMax;
  if (headerBytes > bytesMax) {
    throw new StorageError({ code: "SAFETENSORS_HEADER_TOO_LARGE", bytes: headerBytes, bytesMax });
  }
  const dataAt = LENGTH_BYTES + headerBytes;
  if (dataAt > bytes.byteLength) throw malformed("it ends inside its header");
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
      bytes.subarray(LENGTH_BYTES, dataAt),
    );
  } catch (cause) {
    throw malformed("its header is not UTF-8", cause);
  }
  return { entryByName: parseHeader(text), dataAt };
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
