/**
 * The canonical form of every value that is hashed, signed or sent: strict DAG-CBOR.
 *
 * One value has one encoding, so a hash of the bytes names the value. Depth, size and item count are
 * checked by a scan of the bytes before anything is built.
 * SOURCE: https://ipld.io/specs/codecs/dag-cbor/spec/
 */
import * as dagCbor from "@ipld/dag-cbor";
import { FaultError, type Sentences } from "./fault.ts";
import { LIMITS } from "./limits.ts";

export type CodecFault =
  | { readonly code: "VALUE_TOO_LARGE"; readonly bytes: number; readonly bytesMax: number }
  | { readonly code: "VALUE_TOO_DEEP"; readonly depthMax: number }
  | { readonly code: "VALUE_TOO_MANY_ITEMS"; readonly itemsMax: number }
  | { readonly code: "VALUE_MALFORMED"; readonly why: string };

const SENTENCES: Sentences<CodecFault> = {
  VALUE_TOO_LARGE: (f) => `the value has ${f.bytes} bytes; at most ${f.bytesMax} are accepted`,
  VALUE_TOO_DEEP: (f) => `the value nests deeper than ${f.depthMax} levels`,
  VALUE_TOO_MANY_ITEMS: (f) => `the value has more than ${f.itemsMax} items`,
  VALUE_MALFORMED: (f) => `the bytes are not canonical DAG-CBOR: ${f.why}`,
};

export class CodecError extends FaultError<CodecFault> {
  override readonly name = "CodecError";
  constructor(fault: CodecFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}

export interface DecodeLimits {
  readonly bytesMax: number;
  readonly depthMax: number;
  readonly itemsMax: number;
}

export const DECODE_LIMITS: DecodeLimits = {
  bytesMax: LIMITS.valueBytesMax,
  depthMax: LIMITS.valueDepthMax,
  itemsMax: LIMITS.valueItemsMax,
};

/** Canonical bytes of a value made of null, booleans, numbers, bigints, strings, bytes, CIDs, arrays and plain objects. */
export function encodeCanonical(value: unknown): Uint8Array {
  return dagCbor.encode(value);
}

/**
 * The value of canonical bytes; other encodings of the same value are refused.
 *
 * @throws {CodecError} when over a limit or not canonical
 */
export function decodeCanonical(bytes: Uint8Array, limits: DecodeLimits = DECODE_LIMITS): unknown {
  if (bytes.byteLength > limits.bytesMax) {
    throw new CodecError({
      code: "VALUE_TOO_LARGE",
      bytes: bytes.byteLength,
      bytesMax: limits.bytesMax,
    });
  }
  scanCbor(bytes, limits);
  let value: unknown;
  try {
    value = dagCbor.decode(bytes);
  } catch (cause) {
    throw new CodecError({ code: "VALUE_MALFORMED", why: String((cause as Error).message) }, { cause });
  }
  if (!equalBytes(dagCbor.encode(value), bytes)) {
    throw new CodecError({ code: "VALUE_MALFORMED", why: "map keys or numbers are not in canonical form" });
  }
  return value;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.byteLength !== b.byteLength) return false;
  for (let i = 0; i < a.byteLength; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Walks the heads of a CBOR item without building anything. SOURCE: RFC 8949 §3. */
function scanCbor(bytes: Uint8Array, limits: DecodeLimits): void {
  const open: number[] = []; // items still expected on each level
  let items = 0;
  let at = 0;
  do {
    if (++items > limits.itemsMax) {
      throw new CodecError({ code: "VALUE_TOO_MANY_ITEMS", itemsMax: limits.itemsMax });
    }
    const head = readHead(bytes, at);
    at = head.next;
    if (head.major === 2 || head.major === 3) at += head.argument;
    const children = childrenOf(head);
    if (open.length > 0) open[open.length - 1] = (open.at(-1) ?? 0) - 1;
    if (children > 0) open.push(children);
    if (open.length > limits.depthMax) {
      throw new CodecError({ code: "VALUE_TOO_DEEP", depthMax: limits.depthMax });
    }
    while (open.length > 0 && open.at(-1) === 0) open.pop();
    if (at > bytes.byteLength) throw new CodecError({ code: "VALUE_MALFORMED", why: "it ends too early" });
  } while (open.length > 0);
}

interface Head {
  readonly major: number;
  readonly argument: number;
  readonly next: number;
}

function readHead(bytes: Uint8Array, at: number): Head {
  const first = bytes[at];
  if (first === undefined) throw new CodecError({ code: "VALUE_MALFORMED", why: "it ends too early" });
  const major = first >> 5;
  const low = first & 31;
  if (low < 24) return { major, argument: low, next: at + 1 };
  const width = { 24: 1, 25: 2, 26: 4, 27: 8 }[low];
  if (width === undefined) throw new CodecError({ code: "VALUE_MALFORMED", why: "an indefinite length" });
  let argument = 0;
  for (let i = 1; i <= width; i++) argument = argument * 256 + (bytes[at + i] ?? 0);
  return { major, argument, next: at + 1 + width };
}

function childrenOf(head: Head): number {
  if (head.major === 4) return head.argument;
  if (head.major === 5) return head.argument * 2;
  return head.major === 6 ? 1 : 0;
}
