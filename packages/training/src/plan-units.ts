/**
 * Cuts a round into work units: who trains on which shards, from which seed.
 *
 * Pure in (job, round, workers): any fog node plans the same units.
 */
import {
  assert,
  type Cid,
  createPrng,
  type DatasetManifest,
  type JobId,
  type LearningRateSchedule,
  learningRateOf,
  mixSeed,
  permutation,
  type Shard,
  type TrainJob,
  type TrainUnit,
  type UnitSchedule,
} from "@pingo/core";

export interface UnitsPlan {
  readonly job: TrainJob;
  readonly jobId: JobId;
  /** Of the training data. */
  readonly manifest: DatasetManifest;
  /** 1-based: round r trains from version r - 1 and commits version r. */
  readonly round: number;
  /** dag-cbor block: StoredProgram. */
  readonly program: Cid;
  /** UnixFS file: the weights of version round - 1. */
  readonly weights: Cid;
  /** Units of the round. */
  readonly workers: number;
}

/** zTrainUnit takes no more shards. */
const SHARDS_PER_UNIT_MAX = 4_096;

/**
 * The shards lie in one order, drawn once for the job, and are cut into as many runs of neighbours as there are
 * units. A unit gets its run whole, or walks through it round by round where fewer shards hold all the rows that its
 * steps can use: over the rounds all the data is seen, and whoever keeps a unit's place fetches its data once.
 * SOURCE: a fixed share for each worker, as in DiLoCo (Douillard et al. 2023, arXiv:2311.08105).
 */
export function planUnits(plan: UnitsPlan): readonly TrainUnit[] {
  const { job, round, workers } = plan;
  assert(round >= 1 && workers >= 1, `round ${round} for ${workers} workers`);
  const { schedule } = job;
  return dealShards(plan).map((shards, index) => ({
    job: plan.jobId,
    round,
    index,
    program: plan.program,
    weights: plan.weights,
    shards,
    seed: mixSeed(job.seed, round, index, UNIT_STREAM),
    steps: schedule.stepsPerRound,
    batchSize: schedule.batchSize,
    learningRate: learningRateOf(job.optimizer),
    ...(job.optimizer.schedule && { schedule: unitSchedule(job, job.optimizer.schedule, round) }),
    deadlineMs: Math.ceil(schedule.secondsPerRound * 1000),
  }));
}

/** Rounds count as whole, also those that ended at their time limit: the rate depends on the round alone. */
function unitSchedule(job: TrainJob, schedule: LearningRateSchedule, round: number): UnitSchedule {
  const { rounds, stepsPerRound } = job.schedule;
  return { ...schedule, stepsBefore: (round - 1) * stepsPerRound, stepsTotal: rounds * stepsPerRound };
}

/** Keeps the draws of batches apart from those of shards. */
const UNIT_STREAM = 1;
const SHARD_STREAM = 2;

function dealShards({ job, manifest, round, workers }: UnitsPlan): readonly (readonly Shard[])[] {
  const { shards, rows } = manifest;
  const order = permutation(shards.length, createPrng(mixSeed(job.seed, SHARD_STREAM)));
  const rowsUsed = job.schedule.stepsPerRound * job.schedule.batchSize;
  const shardsUsed = Math.ceil(rowsUsed / (rows / shards.length));
  const boundary = (unit: number): number => Math.floor((unit * shards.length) / workers);
  return Array.from({ length: workers }, (_, unit) => {
    const from = boundary(unit);
    // With fewer shards than units some units share one; their seeds still draw different batches.
    const size = Math.max(1, boundary(unit + 1) - from);
    const share = Math.min(size, shardsUsed, SHARDS_PER_UNIT_MAX);
    return Array.from({ length: share }, (_, i) => {
      const shard = shards[order[from + (((round - 1) * share + i) % size)] ?? 0];
      assert(shard, "the manifest has shards");
      return shard;
    });
  });
}
