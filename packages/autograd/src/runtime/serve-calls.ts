/**
 * The inside of a training thread, in Node and in a page: one session, one call after the other.
 *
 * Faults are answers. Anything else is a bug: `handle` rejects, the thread ends, its owner sees the error.
 */
import { assert, assertNever } from "@pingo/core";
import type { Tensor } from "../graph/tensor.ts";
import type { Ort } from "./ort.ts";
import { RuntimeError } from "./runtime-error.ts";
import { createSessionEvaluator } from "./session-evaluator.ts";
import { createSessionTrainer, type SessionTrainer } from "./session-trainer.ts";
import type { Evaluator, RuntimeProgram } from "./trainer.ts";
import type { CallName, WorkerAnswers, WorkerReply, WorkerRequest, WorkerTask } from "./worker-protocol.ts";

export interface ThreadPorts {
  loadOrt(): Promise<Ort>;
  /** The task's, as its session opens it. */
  loadProgram(): Promise<RuntimeProgram>;
  post(reply: WorkerReply, moved: readonly ArrayBuffer[]): void;
  /** No message is wanted any more. */
  close(): void;
}

/** Opens the session and returns what every message is handed to, in its order. */
export function serveCalls(task: WorkerTask, ports: ThreadPorts): (request: WorkerRequest) => Promise<void> {
  const server = new CallServer(task, ports);
  // A message may come while ONNX Runtime works; the chain keeps calls in their order.
  let last = server.reply(0, () => server.open());
  return (request) => {
    if (request.call === "stop") return server.reply(request.id, async () => server.stop(request.body.id));
    server.expect(request.id);
    last = last.then(() => server.reply(request.id, () => server.answer(request)));
    return last;
  };
}

class CallServer {
  readonly #task: WorkerTask;
  readonly #ports: ThreadPorts;
  readonly #stopById = new Map<number, AbortController>();
  #trainer: SessionTrainer | undefined;
  #evaluator: Evaluator | undefined;
  #evaluated: ReadonlyMap<string, Tensor> | undefined;

  constructor(task: WorkerTask, ports: ThreadPorts) {
    this.#task = task;
    this.#ports = ports;
  }

  expect(id: number): void {
    this.#stopById.set(id, new AbortController());
  }

  stop(id: number): null {
    this.#stopById.get(id)?.abort(new RuntimeError({ code: "RUN_STOPPED" }));
    return null;
  }

  async open(): Promise<null> {
    const ort = await this.#ports.loadOrt();
    const program = await this.#ports.loadProgram();
    if (this.#task.kind === "trainer") this.#trainer = await createSessionTrainer(ort, program);
    else this.#evaluator = await createSessionEvaluator(ort, program);
    return null;
  }

  async reply(id: number, work: () => Promise<WorkerAnswers[CallName]>): Promise<void> {
    try {
      const ok = await work();
      // SAFETY: answers are allocated for their caller, never in shared memory.
      this.#ports.post({ id, ok }, ok instanceof Float32Array ? [ok.buffer as ArrayBuffer] : []);
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw error;
      this.#ports.post({ id, fault: error.fault }, []);
      // Without a session there is nothing left to call.
      if (id === 0) this.#ports.close();
    } finally {
      this.#stopById.delete(id);
    }
  }

  async answer(request: Exclude<WorkerRequest, { call: "stop" }>): Promise<WorkerAnswers[CallName]> {
    if (request.call === "close") return this.#close();
    const signal = this.#stopById.get(request.id)?.signal;
    signal?.throwIfAborted();
    if (request.call === "evaluate") {
      assert(this.#evaluator, "an evaluator's thread was asked to train");
      this.#evaluated = request.body.fields ?? this.#evaluated;
      assert(this.#evaluated, "the first evaluation brings its fields");
      return this.#evaluator.evaluate(request.body.weights, this.#evaluated, signal ? { signal } : {});
    }
    const trainer = this.#trainer;
    assert(trainer, "a trainer's thread was asked to evaluate");
    switch (request.call) {
      case "setFields":
        await trainer.setFields(request.body.fields);
        return null;
      case "reset":
        await trainer.reset(request.body.weights);
        return null;
      case "run": {
        const { indices, learningRates, flag } = request.body;
        return trainer.run(indices, learningRates, {
          ...(signal ? { signal } : {}),
          ...(flag ? { flag } : {}),
        });
      }
      case "weights":
        return trainer.weights();
      case "ema":
        return trainer.ema();
      case "checkpoint":
        return trainer.checkpoint();
      case "resume":
        await trainer.resume(request.body.checkpoint);
        return null;
      default:
        return assertNever(request, "unknown call");
    }
  }

  async #close(): Promise<null> {
    await this.#trainer?.[Symbol.asyncDispose]();
    await this.#evaluator?.[Symbol.asyncDispose]();
    this.#ports.close();
    return null;
  }
}
