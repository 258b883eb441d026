/** What page.ts and its worker agree on. */
import type { WasmSource } from "./wasm-ort.ts";
import type { WorkerTask } from "./worker-protocol.ts";

export interface PageWorkerTask extends WorkerTask {
  /** Absolute. */
  readonly wasmUrl: string;
}

/** onnxruntime-web's ort-wasm-simd-threaded.wasm, served there. */
export function wasmAt(url: string): WasmSource {
  return {
    name: url,
    read: async () => {
      const response = await fetch(url);
      if (!response.ok) throw new Error(`HTTP status ${response.status}`);
      return new Uint8Array(await response.arrayBuffer());
    },
  };
}
