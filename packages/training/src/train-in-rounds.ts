/**
 * A job's rounds as the network has them, wherever the units run: units planned, updates averaged, the outer step.
 *
 * No leases, signatures or losses of workers: what is left of the network is its arithmetic.
 */
import type { ProgramSignature } from "@pingo/autograd";
import type { Cid, Clock, DatasetManifest, JobId, TrainJob, TrainUnit } from "@pingo/core";
import { aggregate } from "./aggregate.ts";
import { nextAverage } from "./average.ts";
import { type Evaluate, type LocalProgress, type LocalTraining, measureVersion } from "./local-training.ts";
import { type OuterSettings, type OuterState, outerSettingsOf, outerStep } from "./outer.ts";
import { planUnits } from "./plan-units.ts";
import type { MetricRecord } from "./provenance.ts";
import type { UnitResult } from "./run-unit.ts";

export interface RoundsInputs {
  readonly job: TrainJob;
  readonly jobId: JobId;
  readonly manifest: DatasetManifest;
  /** dag-cbor block: StoredProgram. */
  readonly program: Cid;
  readonly signature: ProgramSignature;
  /** Flat f32; not modified. */
  readonly weights: Float32Array;
  readonly workers: number;
  /** Of every round; the network's own unless given. */
  readonly outer?: OuterSettings;
  readonly evaluate: Evaluate;
  /** All units of a round, from the same weights. */
  readonly runUnits: (units: readonly TrainUnit[], weights: Float32Array) => Promise<readonly UnitResult[]>;
  /** The CID of a version of the weights. */
  readonly nameOf: (weights: Float32Array) => Promise<Cid>;
}

export interface RoundsOptions {
  readonly clock: Clock;
  /** Aborted: the round under way is given up; what was committed is returned. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: LocalProgress) => void;
}

/** @throws {TrainingError} what a unit or the merge throws */
export async function trainInRounds(inputs: RoundsInputs, options: RoundsOptions): Promise<LocalTraining> {
  const { job, jobId, manifest, program, signature, workers, outer, evaluate, runUnits, nameOf } = inputs;
  const { clock, signal, onProgress } = options;
  const metrics: MetricRecord[] = [];
  let trainedMs = 0;
  let average: Float32Array | null = null;
  let state: OuterState = {
    weights: inputs.weights,
    momentum: new Float32Array(inputs.weights.length),
  };
  for (let round = 1; round <= job.schedule.rounds && !signal?.aborted; round++) {
    const startedMs = clock.monotonicMs();
    const weights = await nameOf(state.weights);
    const units = planUnits({ job, jobId, manifest, round, program, weights, workers });
    const results = await unlessAborted(runUnits(units, state.weights), signal);
    if (results === null) break;
    const mean = aggregate(results, signature);
    const settings = outer ?? outerSettingsOf({ round, rounds: job.schedule.rounds });
    state = outerStep({ ...state, mean, signature, settings });
    average = nextAverage(job, { before: average, weights: state.weights, round });
    const roundMs = clock.monotonicMs() - startedMs;
    trainedMs += roundMs;
    const rows = results.reduce((sum, result) => sum + result.rows, 0);
    const trainLoss = results.reduce((sum, result) => sum + result.lossMean * result.rows, 0) / rows;
    const steps = results.reduce((sum, result) => sum + result.steps, 0);
    const measured = await measureVersion(signal?.aborted ? null : evaluate, state.weights, average);
    const metric = { round, trainLoss, steps, rows, atUnixMs: clock.nowUnixMs(), ...measured };
    metrics.push(metric);
    onProgress?.({ type: "round", metric, trainedMs: roundMs });
  }
  const isComplete = metrics.length === job.schedule.rounds;
  return { weights: state.weights, average, metrics, isComplete, trainedMs, stepsPerCall: null };
}

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T | null> {
  if (signal === undefined) return work;
  const { promise: aborted, resolve } = Promise.withResolvers<null>();
  const abort = (): void => resolve(null);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
