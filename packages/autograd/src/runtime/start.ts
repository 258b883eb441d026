/** Trainers and evaluators in a worker thread: the caller's thread stays free while ONNX Runtime works. */
import { Worker } from "node:worker_threads";
import { assertDefined } from "@pingo/core";
import type { Tensor, TensorData } from "../graph/tensor.ts";
import type { ProgramSignature } from "../program/signature.ts";
import { checkFields } from "./fields.ts";
import { RuntimeError } from "./runtime-error.ts";
import type { Evaluation, Evaluator, RuntimeOptions, RuntimeProgram, Trainer } from "./trainer.ts";
import type { CallName, WorkerAnswers, WorkerCalls, WorkerReply, WorkerTask } from "./worker-protocol.ts";

/** @throws {RuntimeError} ENGINE_MISSING, GRAPH_REJECTED */
export async function startTrainer(program: RuntimeProgram, options: RuntimeOptions = {}): Promise<Trainer> {
  return new WorkerTrainer(program.signature, await startThread({ kind: "trainer", program }, options));
}

/** @throws {RuntimeError} ENGINE_MISSING, GRAPH_REJECTED */
export async function startEvaluator(
  program: RuntimeProgram,
  options: RuntimeOptions = {},
): Promise<Evaluator> {
  return new WorkerEvaluator(program.signature, await startThread({ kind: "evaluator", program }, options));
}

class WorkerTrainer implements Trainer {
  readonly signature: ProgramSignature;
  readonly #thread: Thread;

  constructor(signature: ProgramSignature, thread: Thread) {
    this.signature = signature;
    this.#thread = thread;
  }

  async setFields(fields: ReadonlyMap<string, Tensor>): Promise<void> {
    // Before anything is moved: a misfit leaves the caller's tensors whole.
    checkFields(this.signature, fields);
    const moved = movable(fields);
    await this.#thread.call("setFields", { fields: moved.fields }, moved.buffers);
  }

  async reset(weights: Float32Array): Promise<void> {
    await this.#thread.call("reset", { weights: weights.slice() });
  }

  run(indices: BigInt64Array, learningRates: Float32Array): Promise<Float32Array> {
    return this.#thread.call("run", { indices: indices.slice(), learningRates: learningRates.slice() });
  }

  weights(): Promise<Float32Array> {
    return this.#thread.call("weights", {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread.end();
  }
}

class WorkerEvaluator implements Evaluator {
  readonly signature: ProgramSignature;
  readonly #thread: Thread;
  #sent: ReadonlyMap<string, Tensor> | undefined;

  constructor(signature: ProgramSignature, thread: Thread) {
    this.signature = signature;
    this.#thread = thread;
  }

  async evaluate(weights: Float32Array, fields: ReadonlyMap<string, Tensor>): Promise<Evaluation> {
    const isSent = fields === this.#sent;
    this.#sent = fields;
    return this.#thread.call("evaluate", {
      weights: weights.slice(),
      fields: isSent ? null : tight(fields),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread.end();
  }
}

interface Pending {
  readonly resolve: (answer: WorkerAnswers[CallName]) => void;
  readonly reject: (reason: unknown) => void;
}

/** The owner's end of a training thread. */
class Thread {
  readonly #worker: Worker;
  readonly #signal: AbortSignal | undefined;
  readonly #pending = new Map<number, Pending>();
  readonly #exit: Promise<void>;
  readonly opened: Promise<unknown>;
  #nextId = 1;
  /** Why there will be no more answers. */
  #ended: unknown;

  constructor(task: WorkerTask, signal?: AbortSignal) {
    this.#signal = signal;
    this.#worker = new Worker(new URL("./worker.ts", import.meta.url), { workerData: task });
    this.opened = this.#expect(0);
    this.#worker.on("message", (reply: WorkerReply) => this.#settle(reply));
    this.#worker.on("error", (error) => this.#fail(error));
    this.#exit = new Promise((resolve) => {
      this.#worker.once("exit", (exitCode) => {
        this.#fail(new RuntimeError({ code: "WORKER_ENDED", exitCode, why: "no call is answered any more" }));
        resolve();
      });
    });
  }

  async call<K extends CallName>(
    call: K,
    body: WorkerCalls[K],
    moved: readonly ArrayBuffer[] = [],
  ): Promise<WorkerAnswers[K]> {
    this.#signal?.throwIfAborted();
    if (this.#ended !== undefined) throw this.#ended;
    const id = this.#nextId++;
    const answer = this.#expect(id);
    this.#worker.postMessage({ id, call, body }, [...moved]);
    // SAFETY: worker.ts answers a call with that call's answer.
    return (await answer) as WorkerAnswers[K];
  }

  /** Waits for the call under way, then for the thread to be gone. */
  async end(): Promise<void> {
    if (this.#ended === undefined) this.#worker.postMessage({ id: this.#nextId++, call: "close", body: {} });
    await this.#exit;
  }

  #expect(id: number): Promise<WorkerAnswers[CallName]> {
    return new Promise((resolve, reject) => this.#pending.set(id, { resolve, reject }));
  }

  #settle(reply: WorkerReply): void {
    const pending = this.#pending.get(reply.id);
    this.#pending.delete(reply.id);
    if ("ok" in reply) pending?.resolve(reply.ok);
    else pending?.reject(new RuntimeError(reply.fault));
  }

  #fail(reason: unknown): void {
    this.#ended ??= reason;
    for (const pending of this.#pending.values()) pending.reject(this.#ended);
    this.#pending.clear();
  }
}

async function startThread(task: WorkerTask, { signal }: RuntimeOptions): Promise<Thread> {
  signal?.throwIfAborted();
  const thread = new Thread(task, signal);
  try {
    await thread.opened;
    return thread;
  } catch (error) {
    await thread.end();
    throw error;
  }
}

/** Buffers that a tensor fills alone are moved; a part of a larger one is cut out first. */
function movable(fields: ReadonlyMap<string, Tensor>): {
  readonly fields: ReadonlyMap<string, Tensor>;
  readonly buffers: readonly ArrayBuffer[];
} {
  const ready = tight(fields);
  const buffers = new Set<ArrayBuffer>();
  for (const { data } of ready.values()) if (data.buffer instanceof ArrayBuffer) buffers.add(data.buffer);
  return { fields: ready, buffers: [...buffers] };
}

/** A clone of a view copies all of the buffer behind it; these tensors have buffers of their own size. */
function tight(fields: ReadonlyMap<string, Tensor>): ReadonlyMap<string, Tensor> {
  return new Map(
    [...fields].map(([name, tensor]) => {
      const { dtype, shape, data } = assertDefined(tensor, name);
      const isTight = data.byteLength === data.buffer.byteLength;
      return [name, { dtype, shape, data: isTight ? data : copyOf(data) }] as const;
    }),
  );
}

/** A node Buffer's own slice would be a view of the shared pool. */
function copyOf(data: TensorData): TensorData {
  return data instanceof Uint8Array ? new Uint8Array(data) : data.slice();
}
