/** The builds of ONNX Runtime as a Node process finds them. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { loadNativeOrt } from "./native-ort.ts";
import type { Backend, Ort } from "./ort.ts";
import { loadWasmOrt } from "./wasm-ort.ts";

const WASM_FILE = "onnxruntime-web/ort-wasm-simd-threaded.wasm";

const LOADERS: { readonly [B in Backend]: () => Promise<Ort> } = {
  native: loadNativeOrt,
  wasm: () =>
    loadWasmOrt({
      name: WASM_FILE,
      read: async () => new Uint8Array(await readFile(createRequire(import.meta.url).resolve(WASM_FILE))),
    }),
};

/** @throws {RuntimeError} ENGINE_MISSING, WASM_MISSING, WASM_UNKNOWN */
export function loadOrt(backend: Backend = "native"): Promise<Ort> {
  return LOADERS[backend]();
}
