/** The entry of a training thread in Node. */
import { parentPort, workerData } from "node:worker_threads";
import { assert } from "@pingo/core";
import { loadOrt } from "./load-ort.ts";
import { prepareProgram } from "./prepare-program.ts";
import { serveCalls } from "./serve-calls.ts";
import type { WorkerRequest, WorkerTask } from "./worker-protocol.ts";

assert(parentPort, "worker.ts runs in a worker thread only");
const port = parentPort;
// SAFETY: start.ts, which alone starts this file, hands a WorkerTask over.
const task = workerData as WorkerTask;

const handle = serveCalls(task, {
  loadOrt: () => loadOrt(task.backend),
  loadProgram: () => prepareProgram(task.program, task),
  post: (reply, moved) => port.postMessage(reply, [...moved]),
  close: () => port.close(),
});
// A rejection is nobody's to handle, so Node ends the thread with it.
port.on("message", (request: WorkerRequest) => void handle(request));
