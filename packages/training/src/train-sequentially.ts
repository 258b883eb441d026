/**
 * All steps of a job in one place, one after another: what training by many is compared with.
 *
 * rounds × stepsPerRound steps with one optimizer state; a round is only where the model is evaluated. Rows come in
 * epochs over all the data. Nothing ends by time: one seed gives one model.
 */
import type { Trainer } from "@pingo/autograd";
import { type Clock, learningRateOf, type TrainJob } from "@pingo/core";
import { finiteWeights } from "./finite-weights.ts";
import { learningRatesOf } from "./learning-rate.ts";
import { type Evaluate, type LocalProgress, type LocalTraining, measureVersion } from "./local-training.ts";
import type { MetricRecord } from "./provenance.ts";
import { createSampler } from "./sample.ts";
import { stepsOfCall } from "./steps-of-call.ts";

export interface SequentialInputs {
  readonly job: Pick<TrainJob, "optimizer" | "schedule" | "seed" | "average">;
  /** Its fields are the rows of the training data. Its program keeps the mean that the job asks for. */
  readonly trainer: Trainer;
  readonly evaluate: Evaluate;
  /** Flat f32; not modified. */
  readonly weights: Float32Array;
  /** Rows of the trainer's fields. */
  readonly rows: number;
}

export interface SequentialOptions {
  readonly clock: Clock;
  /** Aborted: the step under way is the last; what is done is returned. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: LocalProgress) => void;
}

/** @throws {TrainingError} LOSS_NOT_FINITE; {RuntimeError} what the trainer throws */
export async function trainSequentially(
  inputs: SequentialInputs,
  options: SequentialOptions,
): Promise<LocalTraining> {
  const { job, trainer, evaluate, rows } = inputs;
  const { clock, signal, onProgress } = options;
  const { schedule, optimizer } = job;
  const sampler = createSampler({ rows, batchSize: schedule.batchSize, seed: job.seed });
  const rate = { learningRate: learningRateOf(optimizer), schedule: optimizer.schedule };
  const total = schedule.rounds * schedule.stepsPerRound;
  const metrics: MetricRecord[] = [];
  let { weights } = inputs;
  let trainedMs = 0;
  let stepMs: number | undefined;
  let stepsPerCall = 0;
  let average: Float32Array | null = null;
  await trainer.reset(weights);
  for (let round = 1; round <= schedule.rounds && !signal?.aborted; round++) {
    const startedMs = clock.monotonicMs();
    let step = 0;
    let lossSum = 0;
    while (step < schedule.stepsPerRound && !signal?.aborted) {
      const calledMs = clock.monotonicMs();
      const count = Math.min(stepsOfCall(trainer.signature, stepMs), schedule.stepsPerRound - step);
      const from = (round - 1) * schedule.stepsPerRound + step;
      const losses = await runOrStop(sampler.draw(count), learningRatesOf(rate, { from, count, total }));
      if (losses === null) break;
      step += count;
      stepsPerCall = Math.max(stepsPerCall, count);
      stepMs = (clock.monotonicMs() - calledMs) / count;
      const sum = losses.reduce((a, b) => a + b, 0);
      lossSum += sum;
      onProgress?.({ type: "steps", round, step, steps: schedule.stepsPerRound, loss: sum / count });
    }
    weights = await finiteWeights(trainer, () => ({
      code: "LOSS_NOT_FINITE",
      step: (round - 1) * schedule.stepsPerRound + step,
    }));
    const roundMs = clock.monotonicMs() - startedMs;
    trainedMs += roundMs;
    if (step === 0) break;
    average = job.average ? await trainer.ema() : null;
    const isWhole = step === schedule.stepsPerRound;
    const measured = await measureVersion(isWhole && !signal?.aborted ? evaluate : null, weights, average);
    const done = { round, trainLoss: lossSum / step, steps: step, rows: step * schedule.batchSize };
    const metric = { ...done, atUnixMs: clock.nowUnixMs(), ...measured };
    metrics.push(metric);
    onProgress?.({ type: "round", metric, trainedMs: roundMs });
  }
  const steps = metrics.reduce((sum, metric) => sum + metric.steps, 0);
  return { weights, average, metrics, isComplete: steps === total, trainedMs, stepsPerCall };

  /** A call that was stopped leaves the trainer as it was before it. */
  async function runOrStop(indices: BigInt64Array, rates: Float32Array): Promise<Float32Array | null> {
    try {
      return await trainer.run(indices, rates, signal ? { signal } : {});
    } catch (error) {
      if (signal?.aborted && error === signal.reason) return null;
      throw error;
    }
  }
}
