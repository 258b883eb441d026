/** What is refused of a module, and what a computer cannot do with it, and one sentence for each. */
import { FaultError, formatBytes, type Sentences } from "@pingo/core";

export type WasmFault =
  | { readonly code: "MODULE_MALFORMED"; readonly why: string }
  | { readonly code: "MODULE_TOO_LARGE"; readonly bytes: number; readonly bytesMax: number }
  | { readonly code: "MODULE_IMPORT_UNKNOWN"; readonly name: string }
  | { readonly code: "MODULE_IMPORT_MISTYPED"; readonly name: string; readonly expected: string }
  | { readonly code: "MODULE_EXPORT_MISSING"; readonly name: string }
  | { readonly code: "MODULE_UNSUPPORTED"; readonly what: string; readonly instead: string }
  | { readonly code: "MODULE_MEMORY_TOO_LARGE"; readonly bytes: number; readonly bytesMax: number }
  | { readonly code: "PIECE_OUT_OF_MEMORY"; readonly why: string }
  | { readonly code: "PIECE_STACK"; readonly why: string }
  | { readonly code: "RESULT_MALFORMED"; readonly why: string };

const SENTENCES: Sentences<WasmFault> = {
  MODULE_MALFORMED: (f) =>
    `the module is no WebAssembly that can be run: ${f.why}; build it for wasm32-wasip1 (WASI preview 1)`,
  MODULE_TOO_LARGE: (f) =>
    `the module has ${formatBytes(f.bytes)} and at most ${formatBytes(f.bytesMax)} are taken; strip its debug information`,
  MODULE_IMPORT_UNKNOWN: (f) =>
    `the module asks for ${f.name}, which it is not given; build it for wasm32-wasip1: it gets wasi_snapshot_preview1 and nothing else`,
  MODULE_IMPORT_MISTYPED: (f) =>
    `the module asks for ${f.name} with another signature than ${f.expected}; build it for wasm32-wasip1`,
  MODULE_EXPORT_MISSING: (f) =>
    `the module exports no ${f.name}; build it as a command (with a main function) for wasm32-wasip1`,
  MODULE_UNSUPPORTED: (f) => `the module has ${f.what}, which is not run here; ${f.instead}`,
  MODULE_MEMORY_TOO_LARGE: (f) =>
    `the module declares up to ${formatBytes(f.bytes)} of memory and the job grants ${formatBytes(f.bytesMax)}; raise workers.resources.memory, or link the module with a smaller --max-memory`,
  PIECE_OUT_OF_MEMORY: (f) =>
    `this computer has not the memory that the piece needs (${f.why}); lower workers.resources.memory, or try again later`,
  PIECE_STACK: (f) =>
    `the module's calls went deeper than this computer's stack (${f.why}); let it recurse less deeply, or keep what it recurses for in its own memory`,
  RESULT_MALFORMED: (f) => `the result is none of a piece: ${f.why}`,
};

export class WasmError extends FaultError<WasmFault> {
  override readonly name = "WasmError";
  constructor(fault: WasmFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}
