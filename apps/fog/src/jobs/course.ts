/** What differs between the kinds of jobs while one runs; what all have in common is job-run.ts. */
import type { Cid, NodeId, NumberedEvent, WorkUnit } from "@pingo/core";
import type { CountedDelivery, RoundState } from "@pingo/training";
import type { Evaluated } from "../database/round-store.ts";
import type { JobRow } from "../database/schema.ts";
import type { JobRunOptions } from "./job-run-options.ts";
import { jobOf } from "./loaded-job.ts";
import type { TrafficBytes } from "./traffic.ts";

export interface Course extends AsyncDisposable {
  /** Rounds that are committed. */
  readonly committed: number;
  /** Blocks whose downloads are the job's. */
  readonly roots: readonly Cid[];
  /** A round is nothing without all of its units. */
  readonly isWhole: boolean;
  /** Takes up what was left undone when the station last ended, beside all else. */
  resume(): void;
  /** Resolves once nothing heavy is left to be opened; undefined where there is nothing. Never rejects. */
  prepare(): Promise<void> | undefined;
  /** @param workers  how many units fit side by side now */
  plan(round: number, workers: number): readonly WorkUnit[];
  /** Providers that a unit must not go to, whoever else is there. */
  barred(unit: number, state: RoundState): readonly NodeId[];
  /** @throws {FaultError} why what was delivered cannot be what the unit asked for; BLOCK_NOT_FOUND while it is not all here */
  check(update: Cid): Promise<void>;
  commit(deliveries: readonly CountedDelivery[], at: CommitMoment): Promise<Committed>;
  /** Makes what its owner gets, for long; then writes it down, soon. */
  conclude(): Promise<(row: JobRow) => Promise<Conclusion>>;
}

export interface CommitMoment {
  readonly row: JobRow;
  /** Moved since they were last written down. */
  readonly bytes: TrafficBytes;
  readonly atUnixMs: number;
}

export interface Committed {
  readonly change: Partial<JobRow>;
  readonly written: NumberedEvent;
  /** What providers fetch from now on. */
  readonly root: Cid;
}

export interface Conclusion {
  readonly state: "succeeded" | "failed";
  readonly reason: string | null;
  readonly outcome: Partial<JobRow>;
}

export interface CourseOptions
  extends Pick<JobRunOptions, "sql" | "blocks" | "modeller" | "fog" | "log" | "clock"> {
  readonly row: JobRow;
  /** Aborted when the station stops. */
  readonly signal: AbortSignal;
  readonly onEvaluated: (round: number, evaluated: Evaluated) => Promise<void>;
}

/** Each kind's code is loaded with its first job. */
export async function openCourse(options: CourseOptions): Promise<Course> {
  const job = jobOf(options.row);
  if (job.kind === "Run") return (await import("./pieces-course.ts")).openPiecesCourse(job, options);
  return (await import("./training-course.ts")).openTrainingCourse(job, options);
}
