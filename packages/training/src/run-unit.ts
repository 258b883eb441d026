/**
 * Runs one work unit: local AdamW steps from the round's weights, until the steps are done or time is up.
 *
 * A pure function of the unit but for where the deadline falls, which the number of steps done records.
 */
import type { ProgramSignature, Trainer } from "@pingo/autograd";
import type { Clock, TrainUnit } from "@pingo/core";
import { finiteWeights } from "./finite-weights.ts";
import { learningRatesOf } from "./learning-rate.ts";
import { spansOf } from "./program.ts";
import { createSampler } from "./sample.ts";
import { stepsOfCall } from "./steps-of-call.ts";
import { TrainingError, type TrainingFault } from "./training-error.ts";

/** A unit begins with the round's weights and ends with its own: of what lies between nothing is kept. */
export type UnitTrainer = Omit<Trainer, "ema" | "checkpoint" | "resume">;

export interface UnitInputs {
  /** Its fields are the rows of the unit's shards, in their order. */
  readonly trainer: UnitTrainer;
  /** Flat f32 weights of the round's version; not modified. */
  readonly weights: Float32Array;
  /** Rows of the trainer's fields. */
  readonly rows: number;
}

export interface UnitOptions {
  readonly clock: Clock;
  /** Aborted: the run ends inside the call under way, where its trainer can, and rejects with the reason. */
  readonly signal?: AbortSignal;
  /** Aborted: the call under way is given up, the first one finished; what is done is returned, as at the deadline. */
  readonly flush?: AbortSignal;
  readonly onProgress?: (progress: UnitProgress) => void;
}

export interface UnitProgress {
  readonly step: number;
  readonly steps: number;
  /** Mean over the steps since the last report. */
  readonly loss: number;
}

export interface UnitResult {
  readonly steps: number;
  /** Rows seen, repeats counted: the weight of the update. */
  readonly rows: number;
  readonly lossMean: number;
  /** Flat, as the weights are. Trained: before - after; statistic: after. */
  readonly update: Float32Array<ArrayBuffer>;
}

/** @throws {TrainingError} UNIT_MISFIT, LOSS_NOT_FINITE, UPDATE_NOT_FINITE; {RuntimeError} what the trainer throws */
export async function runUnit(
  unit: TrainUnit,
  inputs: UnitInputs,
  options: UnitOptions,
): Promise<UnitResult> {
  const { trainer, weights, rows } = inputs;
  const { clock, signal, flush, onProgress } = options;
  checkFit(unit, trainer.signature, rows);
  signal?.throwIfAborted();
  const startedMs = clock.monotonicMs();
  const sampler = createSampler({ rows, batchSize: unit.batchSize, seed: unit.seed });
  await trainer.reset(weights);
  let done = 0;
  let lossSum = 0;
  let stepMs: number | undefined;
  do {
    const calledMs = clock.monotonicMs();
    const steps = Math.min(stepsOfCall(trainer.signature, stepMs), unit.steps - done);
    const learningRates = ratesOf(unit, done, steps);
    const stop = AbortSignal.any([signal, done > 0 ? flush : undefined].filter((one) => one !== undefined));
    const losses = await trainer.run(sampler.draw(steps), learningRates, { signal: stop }).catch((error) => {
      signal?.throwIfAborted();
      if (flush?.aborted && error === flush.reason) return null;
      throw error;
    });
    signal?.throwIfAborted();
    if (losses === null) break; // the trainer is as it was before the call
    const checkpointSum = losses.reduce((sum, loss) => sum + loss, 0);
    if (!Number.isFinite(checkpointSum))
      throw new TrainingError({ code: "LOSS_NOT_FINITE", step: done + steps });
    done += steps;
    stepMs = (clock.monotonicMs() - calledMs) / steps;
    lossSum += checkpointSum;
    onProgress?.({ step: done, steps: unit.steps, loss: checkpointSum / steps });
  } while (done < unit.steps && clock.monotonicMs() - startedMs < unit.deadlineMs && !flush?.aborted);
  return {
    steps: done,
    rows: done * unit.batchSize,
    lossMean: lossSum / done,
    update: updateOf(weights, await finiteWeights(trainer, updateFault), trainer.signature),
  };
}

function ratesOf({ learningRate, schedule }: TrainUnit, done: number, count: number): Float32Array {
  const from = (schedule?.stepsBefore ?? 0) + done;
  return learningRatesOf({ learningRate, schedule }, { from, count, total: schedule?.stepsTotal ?? 0 });
}

function updateFault(parameter: string): TrainingFault {
  return { code: "UPDATE_NOT_FINITE", update: 0, parameter };
}

function updateOf(
  before: Float32Array,
  after: Float32Array,
  signature: ProgramSignature,
): Float32Array<ArrayBuffer> {
  const update = new Float32Array(before.length);
  for (const { name, kind, from, to } of spansOf(signature)) {
    for (let i = from; i < to; i++) {
      const now = after[i] ?? Number.NaN;
      update[i] = kind === "trained" ? (before[i] ?? Number.NaN) - now : now;
      if (!Number.isFinite(update[i])) {
        throw new TrainingError(updateFault(name));
      }
    }
  }
  return update;
}

function checkFit(unit: TrainUnit, signature: ProgramSignature, rows: number): void {
  if (unit.batchSize !== signature.batchSize) {
    const why = `its batches have ${unit.batchSize} rows where the program takes ${signature.batchSize}`;
    throw new TrainingError({ code: "UNIT_MISFIT", why });
  }
  const promised = unit.shards.reduce((sum, shard) => sum + shard.rows, 0);
  if (rows !== promised) {
    throw new TrainingError({
      code: "UNIT_MISFIT",
      why: `its shards hold ${rows} rows where it names ${promised}`,
    });
  }
}
