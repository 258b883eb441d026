/**
 * An evaluator over a session of either backend. The program itself goes through its rows batch by batch; a call gets
 * so few of them that its f32 sum of losses stays exact enough and an abort is soon heard.
 */
import { assertDefined } from "@pingo/core";
import type { InferenceSession } from "onnxruntime-node";
import type { Tensor } from "../graph/tensor.ts";
import type { ProgramSignature } from "../program/signature.ts";
import { breathe } from "./breathe.ts";
import { checkFields } from "./fields.ts";
import { float32, type Ort, type OrtFeeds, openSession, runSession, toOrt } from "./ort.ts";
import { sizeOf, splitWeights, weightName } from "./parameters.ts";
import { RuntimeError } from "./runtime-error.ts";
import type { Evaluation, Evaluator, RunOptions, RuntimeOptions, RuntimeProgram } from "./trainer.ts";

const BATCHES_PER_CALL = 32;

/** @throws {RuntimeError} GRAPH_REJECTED */
export async function createSessionEvaluator(
  ort: Ort,
  program: RuntimeProgram,
  options: RuntimeOptions = {},
): Promise<Evaluator> {
  const session = await openSession(ort, program.graph, { threads: program.threads });
  return new SessionEvaluator(ort, session, program.signature, options.signal);
}

class SessionEvaluator implements Evaluator {
  readonly signature: ProgramSignature;
  readonly #ort: Ort;
  readonly #session: InferenceSession;
  readonly #signal: AbortSignal | undefined;

  constructor(ort: Ort, session: InferenceSession, signature: ProgramSignature, signal?: AbortSignal) {
    this.signature = signature;
    this.#ort = ort;
    this.#session = session;
    this.#signal = signal;
  }

  async evaluate(
    weights: Float32Array,
    fields: ReadonlyMap<string, Tensor>,
    { signal }: RunOptions = {},
  ): Promise<Evaluation> {
    const stop = AbortSignal.any([this.#signal, signal].filter((one) => one !== undefined));
    const rows = checkFields(this.signature, fields);
    const parameters = this.#parameterFeeds(weights);
    const totals = { lossSum: 0, weightSum: 0, correct: 0, count: 0 };
    const optional = (["weightSum", "correct"] as const).filter((name) =>
      this.#session.outputNames.includes(name),
    );
    const names = ["lossSum", "count", ...optional] as const;
    const rowsPerCall = BATCHES_PER_CALL * this.signature.batchSize;
    for (let from = 0; from < rows; from += rowsPerCall) {
      if (from > 0) await breathe();
      stop.throwIfAborted();
      const to = Math.min(rows, from + rowsPerCall);
      const outputs = await runSession(this.#session, { ...parameters, ...this.#rowFeeds(fields, from, to) });
      for (const name of names) totals[name] += scalarOf(outputs, name);
    }
    const { lossSum, correct, count } = totals;
    if (!Number.isFinite(lossSum)) {
      throw new RuntimeError({ code: "LOSS_NOT_FINITE", step: 0, loss: String(lossSum) });
    }
    const weight = names.includes("weightSum") ? totals.weightSum : count;
    const share = count === 0 ? 0 : correct / count;
    return {
      loss: weight === 0 ? 0 : lossSum / weight,
      accuracy: names.includes("correct") ? share : null,
      count,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session.release();
  }

  #parameterFeeds(weights: Float32Array): OrtFeeds {
    const parts = splitWeights(this.signature.parameters, weights);
    const feeds: OrtFeeds = {};
    for (const [index, { kind, shape }] of this.signature.parameters.entries()) {
      const name = weightName(kind, index);
      if (this.#session.inputNames.includes(name)) feeds[name] = float32(this.#ort, parts[index]!, shape);
    }
    return feeds;
  }

  #rowFeeds(fields: ReadonlyMap<string, Tensor>, from: number, to: number): OrtFeeds {
    const feeds: OrtFeeds = {};
    for (const { name, rowShape } of this.signature.fields) {
      if (!this.#session.inputNames.includes(`field/${name}`)) continue;
      const { dtype, data } = assertDefined(fields.get(name), `checked field ${name}`);
      const size = sizeOf(rowShape);
      const shape = [to - from, ...rowShape];
      feeds[`field/${name}`] = toOrt(this.#ort, {
        dtype,
        shape,
        data: data.subarray(from * size, to * size),
      });
    }
    return feeds;
  }
}

function scalarOf(outputs: InferenceSession.OnnxValueMapType, name: string): number {
  const tensor = outputs[name];
  if (!tensor) throw new RuntimeError({ code: "GRAPH_REJECTED", why: `it has no output "${name}"` });
  // SAFETY: the program's numbers are float32 and int64; both convert.
  return Number((tensor.data as Float32Array | BigInt64Array)[0]);
}
