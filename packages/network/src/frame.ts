/**
 * Frames of a channel: four bytes of length (big endian), then that many bytes of canonical DAG-CBOR.
 *
 * The length is checked against the limit as soon as its four bytes are there, before a body is kept.
 */
import {
  CodecError,
  concatBytes,
  decodeCanonical,
  encodeCanonical,
  type FaultReport,
  LIMITS,
} from "@pingo/core";

export type Frame =
  | { readonly id: number; readonly request: unknown }
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly fault: FaultReport }
  | { readonly ping: number }
  | { readonly pong: number }
  /** The last frame: why this side ends the channel. */
  | { readonly end: FaultReport };

export type FrameFault = {
  readonly code: "FRAME_TOO_LARGE" | "FRAME_MALFORMED" | "FRAME_UNEXPECTED";
  readonly message: string;
};

const HEAD_BYTES = 4;
const FAULT_CODE_CHARS_MAX = 64;
const FAULT_MESSAGE_CHARS_MAX = 2_048;

/** Head and body in one piece. */
export function encodeFrame(frame: Frame): Uint8Array {
  const body = encodeCanonical(frame);
  const bytes = new Uint8Array(HEAD_BYTES + body.byteLength);
  new DataView(bytes.buffer).setUint32(0, body.byteLength);
  bytes.set(body, HEAD_BYTES);
  return bytes;
}

export function bodyBytesOf(encoded: Uint8Array): number {
  return encoded.byteLength - HEAD_BYTES;
}

/** A report that fits the limits of a fault frame. */
export function clippedReport(report: FaultReport): FaultReport {
  return {
    code: report.code.slice(0, FAULT_CODE_CHARS_MAX),
    message: report.message.slice(0, FAULT_MESSAGE_CHARS_MAX),
  };
}

export interface FrameReader {
  /** The frames that this chunk completes, or the fault that ends the conversation. */
  push(chunk: Uint8Array): { readonly frames: readonly Frame[]; readonly fault: FrameFault | null };
}

export function createFrameReader(bytesMax: number): FrameReader {
  let chunks: Uint8Array[] = [];
  let held = 0;
  let needed = HEAD_BYTES;
  let inBody = false;

  const take = (): Uint8Array => {
    const all = chunks.length === 1 && chunks[0] ? chunks[0] : concatBytes(chunks);
    chunks = all.byteLength > needed ? [all.subarray(needed)] : [];
    held = all.byteLength - needed;
    return all.subarray(0, needed);
  };

  return {
    push(chunk) {
      const frames: Frame[] = [];
      if (chunk.byteLength > 0) chunks.push(chunk);
      held += chunk.byteLength;
      while (held >= needed) {
        const bytes = take();
        if (!inBody) {
          const length = new DataView(bytes.buffer, bytes.byteOffset, HEAD_BYTES).getUint32(0);
          if (length > bytesMax) return { frames, fault: tooLarge(length, bytesMax) };
          needed = length;
          inBody = true;
          continue;
        }
        const frame = parseFrame(bytes);
        if ("code" in frame) return { frames, fault: frame };
        frames.push(frame);
        needed = HEAD_BYTES;
        inBody = false;
      }
      return { frames, fault: null };
    },
  };
}

function tooLarge(bytes: number, bytesMax: number): FrameFault {
  return { code: "FRAME_TOO_LARGE", message: `a frame of ${bytes} bytes; at most ${bytesMax} are read` };
}

/** Strict: known kinds, no other keys. By hand, as every message passes here. */
function parseFrame(bytes: Uint8Array): Frame | FrameFault {
  let value: unknown;
  try {
    // One level and a few items more than a value may have: the frame around it.
    value = decodeCanonical(bytes, {
      bytesMax: bytes.byteLength,
      depthMax: LIMITS.valueDepthMax + 1,
      itemsMax: LIMITS.valueItemsMax + 8,
    });
  } catch (error) {
    if (error instanceof CodecError) return { code: "FRAME_MALFORMED", message: error.message };
    throw error;
  }
  return readFrame(value) ?? { code: "FRAME_MALFORMED", message: "the value is no frame of this protocol" };
}

function readFrame(value: unknown): Frame | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const fields = new Map<string, unknown>(Object.entries(value));
  if (fields.size === 1) {
    const ping = fields.get("ping");
    if (isCount(ping)) return { ping };
    const pong = fields.get("pong");
    if (isCount(pong)) return { pong };
    const end = readReport(fields.get("end"));
    return end && { end };
  }
  const id = fields.get("id");
  if (fields.size !== 2 || !isCount(id)) return undefined;
  if (fields.has("request")) return { id, request: fields.get("request") };
  if (fields.has("answer")) return { id, answer: fields.get("answer") };
  const fault = readReport(fields.get("fault"));
  return fault && { id, fault };
}

function readReport(value: unknown): FaultReport | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { code, message, ...rest } = Object.fromEntries(Object.entries(value));
  if (typeof code !== "string" || code.length > FAULT_CODE_CHARS_MAX) return undefined;
  if (typeof message !== "string" || message.length > FAULT_MESSAGE_CHARS_MAX) return undefined;
  return Object.keys(rest).length === 0 ? { code, message } : undefined;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
