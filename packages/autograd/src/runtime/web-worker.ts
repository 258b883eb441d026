/** The entry of a training thread in a page. Its first message is the task, every other a call. */
import { assert } from "@pingo/core";
import { type PageWorkerTask, wasmAt } from "./page-worker.ts";
import { serveCalls } from "./serve-calls.ts";
import { loadWasmOrt } from "./wasm-ort.ts";
import type { WorkerReply, WorkerRequest } from "./worker-protocol.ts";

/** Of a page's worker, the part used here: our types are those of Node. */
interface WorkerScope {
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  postMessage(message: WorkerReply, moved: readonly ArrayBuffer[]): void;
  close(): void;
}

// SAFETY: page.ts, which alone starts this file, starts it as a dedicated worker.
const scope = globalThis as unknown as WorkerScope;
let handle: ((request: WorkerRequest) => Promise<void>) | undefined;

scope.onmessage = ({ data }) => {
  if (handle === undefined) {
    // SAFETY: what page.ts posts first.
    const { wasmUrl, ...task } = data as PageWorkerTask;
    assert(task.backend === "wasm", "a page has no native build");
    handle = serveCalls(task, {
      loadOrt: () => loadWasmOrt(wasmAt(wasmUrl)),
      loadProgram: async () => task.program,
      post: (reply, moved) => scope.postMessage(reply, moved),
      close: () => scope.close(),
    });
    return;
  }
  // SAFETY: and what it posts from then on.
  void handle(data as WorkerRequest).catch(rethrow);
};

/** A page's worker reports what is thrown, not what is rejected. */
function rethrow(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
