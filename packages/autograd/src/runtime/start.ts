/** Trainers and evaluators in a worker thread of Node: the caller's thread stays free while ONNX Runtime works. */
import { Worker } from "node:worker_threads";
import { RuntimeError } from "./runtime-error.ts";
import { declineTelemetry } from "./telemetry.ts";
import { type CreateThread, startThread, ThreadEvaluator, ThreadTrainer } from "./thread.ts";
import type { BackendOptions, Evaluator, RuntimeProgram, Trainer } from "./trainer.ts";
import type { WorkerReply, WorkerTask } from "./worker-protocol.ts";

/** @throws {RuntimeError} ENGINE_MISSING, WASM_MISSING, WASM_UNKNOWN, GRAPH_REJECTED */
export async function startTrainer(program: RuntimeProgram, options: BackendOptions = {}): Promise<Trainer> {
  const thread = await startThread(createThread, taskOf("trainer", program, options), options);
  return new ThreadTrainer(program.signature, thread);
}

/** @throws {RuntimeError} ENGINE_MISSING, WASM_MISSING, WASM_UNKNOWN, GRAPH_REJECTED */
export async function startEvaluator(
  program: RuntimeProgram,
  options: BackendOptions = {},
): Promise<Evaluator> {
  const thread = await startThread(createThread, taskOf("evaluator", program, options), options);
  return new ThreadEvaluator(program.signature, thread);
}

function taskOf(
  kind: WorkerTask["kind"],
  program: RuntimeProgram,
  { backend = "native", isTuned = false }: BackendOptions,
): WorkerTask {
  return { kind, backend, isTuned, program };
}

const createThread: CreateThread = (task, events) => {
  declineTelemetry();
  // Flags of the process are not for this file: with --input-type Node would not even load it.
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { workerData: task, execArgv: [] });
  worker.on("message", (reply: WorkerReply) => events.reply(reply));
  worker.on("error", (error) => events.ended(error));
  const exit = new Promise<void>((resolve) => {
    worker.once("exit", (exitCode) => {
      events.ended(new RuntimeError({ code: "WORKER_ENDED", exitCode, why: "no call is answered any more" }));
      resolve();
    });
  });
  return {
    post: (request, moved) => worker.postMessage(request, [...moved]),
    terminate: async () => {
      await worker.terminate();
      await exit;
    },
  };
};
