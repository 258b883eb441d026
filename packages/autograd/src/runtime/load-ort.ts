/** The builds of ONNX Runtime as a Node process finds them. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { loadNativeOrt } from "./native-ort.ts";
import type { Backend, Ort } from "./ort.ts";
import { loadTuner } from "./prepare-program.ts";
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

/** What a process needs to open a tuned program, before there is one. @throws {RuntimeError} ENGINE_MISSING */
export async function loadEngine(): Promise<void> {
  await Promise.all([loadNativeOrt(), loadTuner()]);
}

/** @throws {RuntimeError} ENGINE_MISSING, WASM_MISSING, WASM_UNKNOWN */
export function loadOrt(backend: Backend = "native"): Promise<Ort> {
  return LOADERS[backend]();
}
