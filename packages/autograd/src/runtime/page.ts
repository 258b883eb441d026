/**
 * Trainers and evaluators in a page: a Web Worker runs the session, so the page stays free.
 *
 * The bits are those of the wasm backend in Node.
 */
import type { PageWorkerTask } from "./page-worker.ts";
import { RuntimeError } from "./runtime-error.ts";
import { type CreateThread, startThread, ThreadEvaluator, ThreadTrainer } from "./thread.ts";
import type { Evaluator, RuntimeOptions, RuntimeProgram, Trainer } from "./trainer.ts";
import type { WorkerReply, WorkerRequest } from "./worker-protocol.ts";

export interface PageOptions extends RuntimeOptions {
  /** Where onnxruntime-web's ort-wasm-simd-threaded.wasm is served: relative to the page, or absolute. */
  readonly wasmUrl: string;
}

/** Of a page, the part used here: our types are those of Node. */
interface WebWorker {
  onmessage: ((event: { readonly data: WorkerReply }) => void) | null;
  onerror: ((event: { readonly message?: string }) => void) | null;
  postMessage(message: PageWorkerTask | WorkerRequest, moved?: readonly ArrayBuffer[]): void;
  terminate(): void;
}
declare const Worker: new (url: URL, options: { readonly type: "module" }) => WebWorker;
declare const location: { readonly href: string };

/** @throws {RuntimeError} WASM_MISSING, WASM_UNKNOWN, GRAPH_REJECTED */
export async function startTrainer(program: RuntimeProgram, options: PageOptions): Promise<Trainer> {
  const task = { kind: "trainer", backend: "wasm", isTuned: false, program } as const;
  return new ThreadTrainer(program.signature, await startThread(threadsOf(options), task, options));
}

/** @throws {RuntimeError} WASM_MISSING, WASM_UNKNOWN, GRAPH_REJECTED */
export async function startEvaluator(program: RuntimeProgram, options: PageOptions): Promise<Evaluator> {
  const task = { kind: "evaluator", backend: "wasm", isTuned: false, program } as const;
  return new ThreadEvaluator(program.signature, await startThread(threadsOf(options), task, options));
}

function threadsOf({ wasmUrl }: PageOptions): CreateThread {
  return (task, events) => {
    // Bundlers look for exactly this expression.
    const worker = new Worker(new URL("./web-worker.ts", import.meta.url), { type: "module" });
    const end = (why: string): void => {
      worker.terminate();
      events.ended(new RuntimeError({ code: "WORKER_ENDED", exitCode: 1, why }));
    };
    worker.onmessage = ({ data }) => events.reply(data);
    worker.onerror = ({ message = "its script did not load" }) => end(message);
    worker.postMessage({ ...task, wasmUrl: new URL(wasmUrl, location.href).href });
    return {
      post: (request, moved) => worker.postMessage(request, moved),
      terminate: async () => end("it was closed"),
    };
  };
}
