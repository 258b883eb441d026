/**
 * The WebAssembly build of ONNX Runtime, in Node and in pages: the lane whose bits are the same everywhere.
 *
 * By its specification WebAssembly without relaxed SIMD is deterministic but for the payload of a NaN, so one thread
 * and one binary are all it takes. The binary is known by its hash and no other is run.
 */
import { firstLine, type Ort } from "./ort.ts";
import { RuntimeError } from "./runtime-error.ts";

/** onnxruntime-web 1.30.0, dist/ort-wasm-simd-threaded.wasm. Another version is another lane: audits compare bits. */
export const WASM_SHA256 = "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2";

export interface WasmSource {
  /** Where from, for people. */
  readonly name: string;
  read(): Promise<Uint8Array<ArrayBuffer>>;
}

let loading: Promise<Ort> | undefined;

/**
 * Once per thread; a later source is not read.
 *
 * @throws {RuntimeError} WASM_MISSING, WASM_UNKNOWN
 */
export function loadWasmOrt(source: WasmSource): Promise<Ort> {
  loading ??= load(source).catch((error: unknown) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

async function load({ name, read }: WasmSource): Promise<Ort> {
  const binary = await read().catch((cause: unknown) => {
    throw new RuntimeError({ code: "WASM_MISSING", source: name, why: firstLine(cause) }, { cause });
  });
  const found = await sha256Of(binary);
  if (found !== WASM_SHA256) {
    throw new RuntimeError({ code: "WASM_UNKNOWN", source: name, found, expected: WASM_SHA256 });
  }
  const { env, InferenceSession, Tensor } = await import("onnxruntime-web/wasm");
  env.wasm.wasmBinary = binary.buffer;
  env.wasm.numThreads = 1;
  env.logLevel = "error";
  return {
    backend: "wasm",
    InferenceSession: {
      create: (graph, options) =>
        InferenceSession.create(graph, { ...options, executionProviders: ["wasm"] }),
    },
    Tensor,
  };
}

async function sha256Of(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
