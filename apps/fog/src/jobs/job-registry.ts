/** All jobs of this station: takes them in, keeps a run for each that is unfinished, shows and stops them. */
import {
  decodeCanonical,
  type JobId,
  type JobView,
  openSigned,
  parseShape,
  STOP_DOMAIN,
  zSignedStop,
} from "@pingo/core";
import { findJob, listJobs, listUnfinishedJobs } from "../database/job-store.ts";
import type { JobRow } from "../database/schema.ts";
import { listProvidersOf } from "../database/work-store.ts";
import { FogError } from "../fault.ts";
import { whyOf } from "../why-of.ts";
import { admit, parseSubmission } from "./admission.ts";
import { JobRun } from "./job-run.ts";
import type { JobRunOptions } from "./job-run-options.ts";
import { viewOf } from "./job-view.ts";
import { createMailbox } from "./mailbox.ts";

/** Submissions that are being looked at: each holds its body. */
const SUBMISSIONS_MAX = 16;

export type JobRegistryOptions = Omit<JobRunOptions, "onFinished">;

export class JobRegistry implements AsyncDisposable {
  readonly #options: JobRegistryOptions;
  readonly #runById = new Map<JobId, JobRun>();
  readonly #admissions = createMailbox();
  #submissions = 0;
  #isDisposed = false;

  constructor(options: JobRegistryOptions) {
    this.#options = options;
  }

  /** Oldest first. */
  get runs(): readonly JobRun[] {
    return [...this.#runById.values()];
  }

  run(id: JobId): JobRun | undefined {
    return this.#runById.get(id);
  }

  /** Takes up what was unfinished when the station last ended. */
  async resume(): Promise<void> {
    for (const row of await listUnfinishedJobs(this.#options.sql)) {
      const run = this.#add(row);
      if (row.state !== "running") continue;
      try {
        await run.start();
        this.#options.log.info("job_resumed", { job: row.id, round: row.round });
      } catch (error) {
        // One job that cannot go on keeps no station down: the dispatcher tries it again, and ends it.
        this.#options.log.error("job_resume_failed", { job: row.id, why: whyOf(error) });
      }
    }
  }

  /** The same signed job again is the same job. */
  async submit(bytes: Uint8Array): Promise<JobView> {
    if (this.#isDisposed) throw new FogError({ code: "STOPPING" });
    const submission = parseSubmission(bytes);
    if (this.#submissions >= SUBMISSIONS_MAX)
      throw new FogError({ code: "JOBS_TOO_MANY", max: SUBMISSIONS_MAX });
    this.#submissions += 1;
    try {
      await this.#options.admitOwner(submission.signed.signer);
      const { row, isNew } = await this.#admissions.run(() => admit(submission, this.#options));
      if (isNew) {
        this.#add(row);
        this.#options.log.info("job_accepted", { job: row.id, owner: row.owner });
        this.#options.wake();
      }
      return await this.#view(row);
    } finally {
      this.#submissions -= 1;
    }
  }

  /** @throws {FogError} JOB_UNKNOWN, NOT_OWNER */
  async stop(id: JobId, bytes: Uint8Array): Promise<JobView> {
    const signed = parseShape(zSignedStop, decodeCanonical(bytes), "the stop request");
    const { job } = openSigned(STOP_DOMAIN, signed);
    const row = await this.#find(id);
    if (job !== id || signed.signer !== row.owner) {
      throw new FogError({ code: "NOT_OWNER", job: id, signer: signed.signer });
    }
    await this.#runById.get(id)?.stop("stopped by its owner");
    return this.show(id);
  }

  async show(id: JobId): Promise<JobView> {
    return this.#view(await this.#find(id));
  }

  async list(): Promise<readonly JobView[]> {
    const rows = await listJobs(this.#options.sql);
    const views: JobView[] = [];
    for (const row of rows) views.push(await this.#view(row));
    return views;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    await this.#admissions.idle();
    await Promise.all(this.runs.map((run) => run[Symbol.asyncDispose]()));
  }

  #add(row: JobRow): JobRun {
    const run = new JobRun(row, {
      ...this.#options,
      onFinished: ({ id }) => {
        this.#runById.delete(id);
        // After the task that finished it: disposing waits for the mailbox this is called from.
        queueMicrotask(() => void this.#dispose(run));
      },
    });
    this.#runById.set(row.id, run);
    return run;
  }

  async #dispose(run: JobRun): Promise<void> {
    try {
      await run[Symbol.asyncDispose]();
    } catch (error) {
      this.#options.log.error("job_not_disposed", { job: run.id, why: whyOf(error) });
    }
  }

  async #find(id: JobId): Promise<JobRow> {
    const row = await findJob(this.#options.sql, id);
    if (!row) throw new FogError({ code: "JOB_UNKNOWN", job: id });
    return row;
  }

  async #view(row: JobRow): Promise<JobView> {
    const providers = await listProvidersOf(this.#options.sql, row.id);
    return viewOf(row, providers, this.#options.traffic.unsaved(row.id));
  }
}
