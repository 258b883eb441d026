/** The owner's end of a training thread, and trainers and evaluators over it: the same in Node and in a page. */
import { assertDefined } from "@pingo/core";
import type { Tensor, TensorData } from "../graph/tensor.ts";
import type { ProgramSignature } from "../program/signature.ts";
import { checkFields } from "./fields.ts";
import { RuntimeError } from "./runtime-error.ts";
import { createStopFlag, raise, type StopFlag } from "./stop-flag.ts";
import type { Checkpoint, Evaluation, Evaluator, RunOptions, RuntimeOptions, Trainer } from "./trainer.ts";
import type {
  CallName,
  WorkerAnswers,
  WorkerCalls,
  WorkerReply,
  WorkerRequest,
  WorkerTask,
} from "./worker-protocol.ts";

/** A worker of either platform. */
export interface ThreadPort {
  post(request: WorkerRequest, moved: readonly ArrayBuffer[]): void;
  /** Ends it whatever it is doing, and resolves when it is gone. */
  terminate(): Promise<void>;
}

export interface ThreadEvents {
  reply(reply: WorkerReply): void;
  /** There will be no more replies. */
  ended(reason: unknown): void;
}

export type CreateThread = (task: WorkerTask, events: ThreadEvents) => ThreadPort;

export async function startThread(
  create: CreateThread,
  task: WorkerTask,
  { signal }: RuntimeOptions,
): Promise<Thread> {
  signal?.throwIfAborted();
  const thread = new Thread(create, task, signal);
  try {
    await thread.opened;
    return thread;
  } catch (error) {
    await thread.end();
    throw error;
  }
}

interface Pending {
  readonly resolve: (answer: WorkerAnswers[CallName]) => void;
  readonly reject: (reason: unknown) => void;
}

export class Thread {
  readonly #port: ThreadPort;
  readonly #signal: AbortSignal | undefined;
  readonly #pending = new Map<number, Pending>();
  readonly #flags = new Set<StopFlag>();
  readonly opened: Promise<unknown>;
  /** Whether the session reads the memory of this thread while it runs. */
  readonly sharesFlags: boolean;
  #nextId = 1;
  /** Why there will be no more answers. */
  #ended: unknown;

  constructor(create: CreateThread, task: WorkerTask, signal?: AbortSignal) {
    this.#signal = signal;
    this.sharesFlags = task.backend === "native";
    this.opened = this.#expect(0);
    this.#port = create(task, {
      reply: (reply) => this.#settle(reply),
      ended: (reason) => this.#fail(reason),
    });
  }

  /** A call that `signal` or the thread's own signal can stop. */
  async call<K extends CallName>(
    call: K,
    body: WorkerCalls[K],
    { moved = [], signal, flag }: CallOptions = {},
  ): Promise<WorkerAnswers[K]> {
    const stop = AbortSignal.any([this.#signal, signal].filter((one) => one !== undefined));
    stop.throwIfAborted();
    if (this.#ended !== undefined) throw this.#ended;
    const id = this.#nextId++;
    const answer = this.#expect(id);
    const onAbort = (): void => {
      if (flag) raise(flag);
      this.#send("stop", { id }).catch(() => undefined); // an ended thread has stopped
    };
    stop.addEventListener("abort", onAbort);
    if (flag) this.#flags.add(flag);
    this.#post(id, call, body, moved);
    try {
      // SAFETY: serve-calls.ts answers a call with that call's answer.
      return (await answer) as WorkerAnswers[K];
    } catch (error) {
      if (error instanceof RuntimeError && error.code === "RUN_STOPPED") stop.throwIfAborted();
      throw error;
    } finally {
      stop.removeEventListener("abort", onAbort);
      if (flag) this.#flags.delete(flag);
    }
  }

  /** Stops what is under way; then the thread is gone. */
  async end(): Promise<void> {
    if (this.#ended === undefined && !this.sharesFlags) {
      for (const pending of this.#pending.values()) pending.reject(new RuntimeError({ code: "RUN_STOPPED" }));
      this.#pending.clear();
    } else if (this.#ended === undefined) {
      for (const flag of this.#flags) raise(flag);
      // A thread inside native code cannot be ended from outside without a leak; it closes its session itself.
      await this.#send("close", {}).catch(() => undefined); // it may have ended by itself meanwhile
    }
    await this.#port.terminate();
  }

  #send<K extends CallName>(call: K, body: WorkerCalls[K]): Promise<unknown> {
    const id = this.#nextId++;
    const answer = this.#expect(id);
    this.#post(id, call, body, []);
    return answer;
  }

  #post<K extends CallName>(id: number, call: K, body: WorkerCalls[K], moved: readonly ArrayBuffer[]): void {
    // SAFETY: the body is the call's own.
    this.#port.post({ id, call, body } as WorkerRequest, moved);
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

interface CallOptions {
  readonly moved?: readonly ArrayBuffer[];
  readonly signal?: AbortSignal | undefined;
  readonly flag?: StopFlag | null;
}

export class ThreadTrainer implements Trainer {
  readonly signature: ProgramSignature;
  readonly #thread: Thread;

  constructor(signature: ProgramSignature, thread: Thread) {
    this.signature = signature;
    this.#thread = thread;
  }

  async setFields(fields: ReadonlyMap<string, Tensor> | null): Promise<void> {
    if (fields === null) {
      await this.#thread.call("setFields", { fields });
      return;
    }
    // Before anything is moved: a misfit leaves the caller's tensors whole.
    checkFields(this.signature, fields);
    const moved = movable(fields);
    await this.#thread.call("setFields", { fields: moved.fields }, { moved: moved.buffers });
  }

  async reset(weights: Float32Array): Promise<void> {
    await this.#thread.call("reset", { weights: weights.slice() });
  }

  run(indices: BigInt64Array, learningRates: Float32Array, options: RunOptions = {}): Promise<Float32Array> {
    const flag = this.#thread.sharesFlags ? createStopFlag() : null;
    const body = { indices: indices.slice(), learningRates: learningRates.slice(), flag };
    return this.#thread.call("run", body, { signal: options.signal, flag });
  }

  weights(): Promise<Float32Array> {
    return this.#thread.call("weights", {});
  }

  ema(): Promise<Float32Array> {
    return this.#thread.call("ema", {});
  }

  checkpoint(): Promise<Checkpoint> {
    return this.#thread.call("checkpoint", {});
  }

  async resume(checkpoint: Checkpoint): Promise<void> {
    await this.#thread.call("resume", { checkpoint });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread.end();
  }
}

export class ThreadEvaluator implements Evaluator {
  readonly signature: ProgramSignature;
  readonly #thread: Thread;
  #sent: ReadonlyMap<string, Tensor> | undefined;

  constructor(signature: ProgramSignature, thread: Thread) {
    this.signature = signature;
    this.#thread = thread;
  }

  async evaluate(
    weights: Float32Array,
    fields: ReadonlyMap<string, Tensor>,
    options: RunOptions = {},
  ): Promise<Evaluation> {
    const isSent = fields === this.#sent;
    this.#sent = fields;
    const body = { weights: weights.slice(), fields: isSent ? null : tight(fields) };
    return this.#thread.call("evaluate", body, { signal: options.signal });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread.end();
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
