/**
 * The training thread: one session, one call after the other.
 *
 * Faults are answers. Anything else is a bug and ends the thread; its owner sees the error.
 */

import { parentPort, workerData } from "node:worker_threads";
import { assert, assertNever } from "@pingo/core";
import type { Tensor } from "../graph/tensor.ts";
import { openEvaluator } from "./open-evaluator.ts";
import { openTrainer } from "./open-trainer.ts";
import { RuntimeError } from "./runtime-error.ts";
import type { Evaluator, Trainer } from "./trainer.ts";
import type { CallName, WorkerAnswers, WorkerReply, WorkerRequest, WorkerTask } from "./worker-protocol.ts";

assert(parentPort, "worker.ts runs in a worker thread only");
const port = parentPort;
// SAFETY: start.ts, which alone starts this file, hands a WorkerTask over.
const task = workerData as WorkerTask;

let trainer: Trainer | undefined;
let evaluator: Evaluator | undefined;
let evaluated: ReadonlyMap<string, Tensor> | undefined;

// A message may come while ONNX Runtime works; the chain keeps calls in their order.
let last: Promise<void> = reply(0, open);
port.on("message", (request: WorkerRequest) => {
  last = last.then(() => reply(request.id, () => answer(request)));
});

async function open(): Promise<null> {
  if (task.kind === "trainer") trainer = await openTrainer(task.program);
  else evaluator = await openEvaluator(task.program);
  return null;
}

async function reply(id: number, work: () => Promise<WorkerAnswers[CallName]>): Promise<void> {
  try {
    const ok = await work();
    post({ id, ok }, ok instanceof Float32Array ? [ok.buffer as ArrayBuffer] : []);
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error;
    post({ id, fault: error.fault }, []);
    // Without a session there is nothing left to call.
    if (id === 0) port.close();
  }
}

async function answer(request: WorkerRequest): Promise<WorkerAnswers[CallName]> {
  if (request.call === "close") return close();
  if (request.call === "evaluate") {
    assert(evaluator, "an evaluator's thread was asked to train");
    evaluated = request.body.fields ?? evaluated;
    assert(evaluated, "the first evaluation brings its fields");
    return evaluator.evaluate(request.body.weights, evaluated);
  }
  assert(trainer, "a trainer's thread was asked to evaluate");
  switch (request.call) {
    case "setFields":
      await trainer.setFields(request.body.fields);
      return null;
    case "reset":
      await trainer.reset(request.body.weights);
      return null;
    case "run":
      return trainer.run(request.body.indices, request.body.learningRates);
    case "weights":
      return trainer.weights();
    default:
      return assertNever(request, "unknown call");
  }
}

async function close(): Promise<null> {
  await trainer?.[Symbol.asyncDispose]();
  await evaluator?.[Symbol.asyncDispose]();
  port.close();
  return null;
}

function post(reply: WorkerReply, moved: readonly ArrayBuffer[]): void {
  port.postMessage(reply, [...moved]);
}
