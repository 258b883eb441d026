/** Training: rounds from version to version of the weights, each measured while the next one runs. */
import { assertDefined, type Cid, type NodeId, type TrainJob, type WorkUnit } from "@pingo/core";
import { type CountedDelivery, checkUpdate, planUnits } from "@pingo/training";
import { latestRound } from "../database/round-store.ts";
import type { JobRow } from "../database/schema.ts";
import { whyOf } from "../why-of.ts";
import { recordCommit } from "./commit-ledger.ts";
import type { CommitMoment, Committed, Conclusion, Course, CourseOptions } from "./course.ts";
import { type EvaluationQueue, openEvaluation } from "./evaluation.ts";
import { type LoadedJob, loadTraining } from "./loaded-job.ts";
import { exportModels, writeOutcome } from "./outcome.ts";
import { nextVersion, readVector, readVersion, type Version } from "./versions.ts";

export async function openTrainingCourse(job: TrainJob, options: CourseOptions): Promise<Course> {
  const { sql, blocks, row, onEvaluated } = options;
  const loaded = await loadTraining(blocks, row, job);
  const latest = assertDefined(await latestRound(sql, row.id), "an admitted job has version 0");
  const version = await readVersion(blocks, latest, loaded.signature);
  const evaluation = openEvaluation({ blocks, row, loaded, onEvaluated });
  const isUnmeasured = version.number > 0 && latest.evaluatedLoss === null;
  return new TrainingCourse({ ...options, loaded, evaluation, isUnmeasured }, version);
}

interface TrainingOptions extends CourseOptions {
  readonly loaded: LoadedJob;
  readonly evaluation: EvaluationQueue | null;
  readonly isUnmeasured: boolean;
}

class TrainingCourse implements Course {
  readonly #options: TrainingOptions;
  #version: Version;
  readonly isWhole = false;

  constructor(options: TrainingOptions, version: Version) {
    this.#options = options;
    this.#version = version;
  }

  get committed(): number {
    return this.#version.number;
  }

  get roots(): readonly Cid[] {
    const { program, graph, job } = this.#options.loaded;
    return [program, graph, job.data.train, this.#version.weightsCid];
  }

  resume(): void {
    if (this.#options.isUnmeasured) void this.#evaluate();
  }

  prepare(): Promise<void> | undefined {
    return this.#options.evaluation?.prepare();
  }

  plan(round: number, workers: number): readonly WorkUnit[] {
    const { loaded, row } = this.#options;
    const { program, manifest, job } = loaded;
    const { weightsCid: weights } = this.#version;
    return planUnits({ job, jobId: row.id, manifest, round, program, weights, workers });
  }

  barred(): readonly NodeId[] {
    return [];
  }

  /** Read whole from our own blocks, each against its CID, then number by number. */
  async check(update: Cid): Promise<void> {
    const { blocks, loaded } = this.#options;
    checkUpdate(await readVector(blocks, update, loaded.signature), loaded.signature, 0);
  }

  async commit(deliveries: readonly CountedDelivery[], at: CommitMoment): Promise<Committed> {
    const { sql, blocks, loaded } = this.#options;
    const version = await nextVersion(blocks, loaded, this.#version, deliveries);
    const recorded = await recordCommit(sql, { ...at, version, deliveries });
    this.#version = version;
    if (version.number < loaded.job.schedule.rounds) void this.#evaluate();
    return { ...recorded, root: version.weightsCid };
  }

  async conclude(): Promise<(row: JobRow) => Promise<Conclusion>> {
    const { sql, blocks, modeller, fog, loaded } = this.#options;
    await this.#evaluate();
    const models = await exportModels(modeller, loaded, this.#version);
    return async (row) => {
      const outcome = await writeOutcome(sql, blocks, { row, loaded, fog, models });
      return { state: "succeeded", reason: null, outcome };
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#options.evaluation?.[Symbol.asyncDispose]();
  }

  /** Never rejects: a failed measurement does not cost the job its training. */
  async #evaluate(): Promise<void> {
    const { evaluation, signal, log, row } = this.#options;
    const version = this.#version;
    try {
      await evaluation?.evaluate(version);
    } catch (error) {
      if (signal.aborted) return;
      log.error("evaluation_failed", { job: row.id, round: version.number, why: whyOf(error) });
    }
  }
}
