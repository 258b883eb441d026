/**
 * A trainer in this thread. Each call blocks the thread while ONNX Runtime works: use startTrainer
 * where something else must stay responsive.
 *
 * Weights and moments are one tensor per parameter; what a call returns is fed to the next, so a
 * call of K steps copies the state once.
 */
import { assert, assertDefined } from "@pingo/core";
import type { InferenceSession } from "onnxruntime-node";
import type { Tensor } from "../graph/tensor.ts";
import type { ProgramSignature } from "../program/signature.ts";
import { checkFields } from "./fields.ts";
import { float32, loadOrt, type Ort, type OrtFeeds, openSession, runSession, toOrt } from "./ort.ts";
import { sizeOf, splitWeights, stateNames, weightName, weightsLength } from "./parameters.ts";
import { RuntimeError } from "./runtime-error.ts";
import type { RuntimeOptions, RuntimeProgram, Trainer } from "./trainer.ts";

/** @throws {RuntimeError} ENGINE_MISSING, GRAPH_REJECTED */
export async function openTrainer(program: RuntimeProgram, options: RuntimeOptions = {}): Promise<Trainer> {
  const session = await openSession(program.graph);
  const wanted = program.signature.parameters.flatMap(stateNames);
  requireNames(session.inputNames, [...wanted, "indices", "learningRate", "step"], "input");
  requireNames(session.outputNames, [...wanted.map((name) => `${name}/next`), "loss"], "output");
  return new SessionTrainer(await loadOrt(), session, program.signature, options.signal);
}

class SessionTrainer implements Trainer {
  readonly signature: ProgramSignature;
  readonly #ort: Ort;
  readonly #session: InferenceSession;
  readonly #signal: AbortSignal | undefined;
  #fields: OrtFeeds | undefined;
  #rows = 0;
  #state: OrtFeeds | undefined;
  /** Steps since reset. */
  #steps = 0;

  constructor(ort: Ort, session: InferenceSession, signature: ProgramSignature, signal?: AbortSignal) {
    this.signature = signature;
    this.#ort = ort;
    this.#session = session;
    this.#signal = signal;
  }

  async setFields(fields: ReadonlyMap<string, Tensor>): Promise<void> {
    this.#signal?.throwIfAborted();
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

  async reset(weights: Float32Array): Promise<void> {
    this.#signal?.throwIfAborted();
    const parts = splitWeights(this.signature, weights);
    const state: OrtFeeds = {};
    for (const [index, parameter] of this.signature.parameters.entries()) {
      for (const name of stateNames(parameter, index)) {
        const isWeight = name === weightName(parameter.kind, index);
        const data = isWeight ? parts[index]!.slice() : new Float32Array(sizeOf(parameter.shape));
        state[name] = float32(this.#ort, data, parameter.shape);
      }
    }
    this.#state = state;
    this.#steps = 0;
  }

  async run(indices: BigInt64Array, learningRates: Float32Array): Promise<Float32Array> {
    this.#signal?.throwIfAborted();
    const steps = learningRates.length;
    const { batchSize } = this.signature;
    assert(
      steps > 0 && indices.length === steps * batchSize,
      `${steps} steps take ${steps} batches of indices`,
    );
    const state = assertDefined(this.#state, "reset comes before run");
    const fields = assertDefined(this.#fields, "setFields comes before run");
    this.#checkIndices(indices);
    const outputs = await runSession(this.#session, {
      ...state,
      ...fields,
      indices: new this.#ort.Tensor("int64", indices, [steps, batchSize]),
      learningRate: float32(this.#ort, learningRates, [steps]),
      step: float32(
        this.#ort,
        Float32Array.from(learningRates, (_, k) => this.#steps + k + 1),
        [steps],
      ),
    });
    const { loss } = outputs;
    // SAFETY: float32 by the program's contract.
    const losses = assertDefined(loss, "checked output loss").data as Float32Array;
    this.#checkLosses(losses);
    for (const name of Object.keys(state)) {
      this.#state![name] = assertDefined(outputs[`${name}/next`], `checked output ${name}/next`);
    }
    this.#steps += steps;
    return losses;
  }

  async weights(): Promise<Float32Array> {
    this.#signal?.throwIfAborted();
    const state = assertDefined(this.#state, "reset comes before weights");
    const flat = new Float32Array(weightsLength(this.signature));
    const parts = splitWeights(this.signature, flat);
    for (const [index, { kind }] of this.signature.parameters.entries()) {
      // SAFETY: every state tensor is float32.
      parts[index]!.set(state[weightName(kind, index)]!.data as Float32Array);
    }
    return flat;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#fields = undefined;
    this.#state = undefined;
    await this.#session.release();
  }

  #checkIndices(indices: BigInt64Array): void {
    const rows = BigInt(this.#rows);
    for (const index of indices) {
      if (index < 0n || index >= rows) {
        throw new RuntimeError({ code: "INDEX_OUT_OF_RANGE", index: Number(index), rows: this.#rows });
      }
    }
  }

  #checkLosses(losses: Float32Array): void {
    const at = losses.findIndex((loss) => !Number.isFinite(loss));
    if (at < 0) return;
    throw new RuntimeError({ code: "LOSS_NOT_FINITE", step: this.#steps + at + 1, loss: String(losses[at]) });
  }
}

function requireNames(present: readonly string[], wanted: readonly string[], what: string): void {
  const missing = wanted.find((name) => !present.includes(name));
  if (missing === undefined) return;
  throw new RuntimeError({ code: "GRAPH_REJECTED", why: `it has no ${what} "${missing}"` });
}
