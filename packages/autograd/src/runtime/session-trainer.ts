/**
 * A trainer over a session of either backend.
 *
 * Weights and moments are one tensor per parameter; what a call returns is fed to the next, so a
 * call of K steps copies the state once.
 *
 * A call that runs cannot be interrupted from JavaScript, so it is made to end: the program reads the flag `stop` in
 * every step, out of memory that another thread can write. Where the flag is not to be had (WebAssembly copies its
 * inputs; the thread's own signals are only heard between calls) a call is done in parts. Parts
 * change no bit: K steps in one call give what K calls of one step give.
 */
import { assertDefined } from "@pingo/core";
import type { InferenceSession } from "onnxruntime-node";
import type { Tensor } from "../graph/tensor.ts";
import type { ProgramSignature } from "../program/signature.ts";
import { breathe } from "./breathe.ts";
import { checkpointOf, emaOf, firstState, resumedState, weightsOf } from "./carried.ts";
import { checkFields } from "./fields.ts";
import { float32, type Ort, type OrtFeeds, openSession, runSession, toOrt } from "./ort.ts";
import { sizeOf, stateNames } from "./parameters.ts";
import { RuntimeError } from "./runtime-error.ts";
import { isRaised, type StopFlag } from "./stop-flag.ts";
import type { Checkpoint, RunOptions, RuntimeOptions, RuntimeProgram, Trainer } from "./trainer.ts";

/**
 * Short for who waits for a stop, and so long that handing the state over (1.3 ms per MB of it, MLP and GPT on Zen 3,
 * 2026-11) takes a fiftieth of it.
 */
const PART_MS_MIN = 100;
const PART_MS_MAX = 1_000;
const PART_MS_PER_STATE_BYTE = 65e-6;

/** A trainer whose calls another thread can end. */
export interface SessionTrainer extends Trainer {
  /** @throws {RuntimeError} RUN_STOPPED when the flag was raised */
  run(
    indices: BigInt64Array,
    learningRates: Float32Array,
    options?: RunOptions & { readonly flag?: StopFlag },
  ): Promise<Float32Array>;
}

/** @throws {RuntimeError} GRAPH_REJECTED */
export async function createSessionTrainer(
  ort: Ort,
  program: RuntimeProgram,
  options: RuntimeOptions = {},
): Promise<SessionTrainer> {
  const session = await openSession(ort, program.graph, { threads: program.threads, isTrainStep: true });
  try {
    const wanted = program.signature.parameters.flatMap(stateNames);
    requireNames(session.inputNames, [...wanted, "indices", "learningRate", "step"], "input");
    requireNames(session.outputNames, [...wanted.map((name) => `${name}/next`), "loss"], "output");
  } catch (error) {
    await session.release();
    throw error;
  }
  return new Session(ort, session, program.signature, options.signal);
}

interface Part {
  readonly indices: BigInt64Array;
  readonly learningRates: Float32Array;
  /** Steps since reset before it. */
  readonly stepsBefore: number;
  readonly state: OrtFeeds;
  readonly flag: StopFlag | undefined;
}

class Session implements SessionTrainer {
  readonly signature: ProgramSignature;
  readonly #ort: Ort;
  readonly #session: InferenceSession;
  readonly #signal: AbortSignal | undefined;
  /** A program need not know the flag. */
  readonly #readsFlag: boolean;
  #fields: OrtFeeds | undefined;
  #rows = 0;
  #state: OrtFeeds | undefined;
  /** Since reset, those before a checkpoint among them. */
  #steps = 0;
  #stepMs: number | undefined;
  /** Calls are taken one after another: each hands on a state, and frees the one before. */
  #last: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(ort: Ort, session: InferenceSession, signature: ProgramSignature, signal?: AbortSignal) {
    this.signature = signature;
    this.#ort = ort;
    this.#session = session;
    this.#signal = signal;
    this.#readsFlag = session.inputNames.includes("stop");
  }

  setFields(fields: ReadonlyMap<string, Tensor> | null): Promise<void> {
    return this.#inTurn(async () => this.#setFields(fields));
  }

  reset(weights: Float32Array): Promise<void> {
    return this.#inTurn(async () => this.#reset(weights));
  }

  run(
    indices: BigInt64Array,
    learningRates: Float32Array,
    options: RunOptions & { readonly flag?: StopFlag } = {},
  ): Promise<Float32Array> {
    return this.#inTurn(() => this.#run(indices, learningRates, options));
  }

  weights(): Promise<Float32Array> {
    return this.#inTurn(async () => weightsOf(this.#stateFor("weights"), this.signature.parameters));
  }

  ema(): Promise<Float32Array> {
    return this.#inTurn(async () => {
      const state = this.#stateFor("ema");
      if (this.#steps === 0) throw tooEarly("ema", "run");
      return emaOf(state, this.signature.parameters);
    });
  }

  checkpoint(): Promise<Checkpoint> {
    return this.#inTurn(async () => checkpointOf(this.#stateFor("checkpoint"), this.signature, this.#steps));
  }

  resume(checkpoint: Checkpoint): Promise<void> {
    return this.#inTurn(async () => this.#resume(checkpoint));
  }

  #inTurn<T>(call: () => Promise<T>): Promise<T> {
    if (this.#isClosed) return Promise.reject(new RuntimeError({ code: "TRAINER_CLOSED" }));
    const turn = this.#last.then(call);
    this.#last = turn.catch(() => undefined); // its caller hears of it
    return turn;
  }

  #setFields(fields: ReadonlyMap<string, Tensor> | null): void {
    this.#signal?.throwIfAborted();
    if (fields === null) {
      this.#fields = undefined;
      return;
    }
    this.#rows = checkFields(this.signature, fields);
    this.#fields = {};
    for (const { name } of this.signature.fields) {
      const tensor = assertDefined(fields.get(name), `checked field ${name}`);
      // A field that the model does not read is no input of the program.
      if (this.#session.inputNames.includes(`field/${name}`)) {
        this.#fields[`field/${name}`] = toOrt(this.#ort, tensor);
      }
    }
  }

  #reset(weights: Float32Array): void {
    this.#signal?.throwIfAborted();
    this.#state = firstState(this.#ort, this.signature, weights);
    this.#steps = 0;
  }

  #resume(checkpoint: Checkpoint): void {
    this.#signal?.throwIfAborted();
    this.#state = resumedState(this.#ort, this.signature, checkpoint);
    this.#steps = checkpoint.steps;
  }

  async #run(
    indices: BigInt64Array,
    learningRates: Float32Array,
    { signal, flag }: RunOptions & { readonly flag?: StopFlag },
  ): Promise<Float32Array> {
    const signals = [this.#signal, signal].filter((one) => one !== undefined);
    const stop = AbortSignal.any(signals);
    stop.throwIfAborted();
    const steps = learningRates.length;
    const { batchSize } = this.signature;
    if (this.#fields === undefined) throw tooEarly("run", "setFields");
    if (this.#state === undefined) throw tooEarly("run", "reset");
    if (steps === 0 || indices.length !== steps * batchSize) {
      const given = { indices: indices.length, learningRates: steps, batchSize };
      throw new RuntimeError({ code: "RUN_MISFIT", ...given });
    }
    checkRates(learningRates);
    this.#checkIndices(indices);
    const isWhole = signals.length === 0 || (flag !== undefined && this.#readsFlag);
    const losses = new Float32Array(steps);
    let state: OrtFeeds = this.#state;
    for (let done = 0; done < steps; ) {
      const end = isWhole ? steps : Math.min(steps, done + this.#stepsOfPart());
      const beganMs = performance.now();
      const part = await this.#runPart({
        indices: indices.subarray(done * batchSize, end * batchSize),
        learningRates: learningRates.subarray(done, end),
        stepsBefore: this.#steps + done,
        state,
        flag,
      });
      this.#stepMs = (performance.now() - beganMs) / (end - done);
      losses.set(part.losses, done);
      if (state !== this.#state) discard(state);
      state = part.state;
      done = end;
      if (done === steps) break;
      await breathe();
      stop.throwIfAborted();
      if (this.#isClosed) throw new RuntimeError({ code: "RUN_STOPPED" });
    }
    discard(this.#state);
    this.#state = state;
    this.#steps += steps;
    return losses;
  }

  #stateFor(call: string): OrtFeeds {
    this.#signal?.throwIfAborted();
    if (this.#state === undefined) throw tooEarly(call, "reset");
    return this.#state;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#last;
    this.#fields = undefined;
    this.#state = undefined;
    await this.#session.release();
  }

  /** The first call of all is one step: nothing is known yet of how long one takes. */
  #stepsOfPart(): number {
    if (this.#stepMs === undefined) return 1;
    const stateBytes = this.signature.parameters.reduce(
      (sum, { shape, slots = [] }) => sum + 4 * (1 + slots.length) * sizeOf(shape),
      0,
    );
    const partMs = Math.min(PART_MS_MAX, Math.max(PART_MS_MIN, stateBytes * PART_MS_PER_STATE_BYTE));
    return Math.max(1, Math.floor(partMs / this.#stepMs));
  }

  async #runPart({ indices, learningRates, stepsBefore, state, flag }: Part) {
    const steps = learningRates.length;
    const fields = assertDefined(this.#fields, "checked fields");
    const feeds: OrtFeeds = {
      ...state,
      ...fields,
      indices: new this.#ort.Tensor("int64", indices, [steps, this.signature.batchSize]),
      learningRate: float32(this.#ort, learningRates, [steps]),
      step: float32(
        this.#ort,
        Float32Array.from(learningRates, (_, k) => stepsBefore + k + 1),
        [steps],
      ),
    };
    if (this.#readsFlag) feeds["stop"] = new this.#ort.Tensor("int64", flag ?? new BigInt64Array(1), []);
    const outputs = await runSession(this.#session, feeds).catch((error: unknown) => {
      if (flag !== undefined && isRaised(flag)) throw new RuntimeError({ code: "RUN_STOPPED" });
      throw error;
    });
    // SAFETY: float32 by the program's contract.
    const losses = assertDefined(outputs["loss"], "checked output loss").data as Float32Array;
    checkLosses(losses, stepsBefore);
    const next: OrtFeeds = {};
    for (const name of Object.keys(state)) {
      next[name] = assertDefined(outputs[`${name}/next`], `checked output ${name}/next`);
    }
    return { losses, state: next };
  }

  #checkIndices(indices: BigInt64Array): void {
    const rows = BigInt(this.#rows);
    for (const index of indices) {
      if (index < 0n || index >= rows) {
        throw new RuntimeError({ code: "INDEX_OUT_OF_RANGE", index: Number(index), rows: this.#rows });
      }
    }
  }
}

/**
 * Gives memory back at once. The collector does not see the memory behind a tensor as pressing: left to it, the states
 * of several calls lie about (46 of 92 MB for an MLP, 2026-11).
 */
function discard(state: OrtFeeds | undefined): void {
  for (const { data } of Object.values(state ?? {})) {
    // SAFETY: every state tensor is float32, in a buffer of its own.
    (data as Float32Array<ArrayBuffer>).buffer.transfer(0);
  }
}

function tooEarly(call: string, first: string): RuntimeError {
  return new RuntimeError({ code: "CALL_TOO_EARLY", call, first });
}

/** A rate that is no number leaves no trace in the loss of its own step, only in the weights. */
function checkRates(learningRates: Float32Array): void {
  const at = learningRates.findIndex((rate) => !Number.isFinite(rate));
  if (at < 0) return;
  throw new RuntimeError({ code: "RATE_NOT_FINITE", step: at + 1, rate: String(learningRates[at]) });
}

function checkLosses(losses: Float32Array, stepsBefore: number): void {
  const at = losses.findIndex((loss) => !Number.isFinite(loss));
  if (at < 0) return;
  throw new RuntimeError({ code: "LOSS_NOT_FINITE", step: stepsBefore + at + 1, loss: String(losses[at]) });
}

function requireNames(present: readonly string[], wanted: readonly string[], what: string): void {
  const missing = wanted.find((name) => !present.includes(name));
  if (missing === undefined) return;
  throw new RuntimeError({ code: "GRAPH_REJECTED", why: `it has no ${what} "${missing}"` });
}
