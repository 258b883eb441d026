/**
 * Bytes that a job moves over the data plane: up, the blocks of the updates whose receipts came; down, each
 * time a block of its program, weights or shards is fetched.
 *
 * Counted since the last save; the job's row holds the sum before it. A block that several running jobs
 * share counts for the one that began to use it last.
 */
import { type Cid, codecOfCid, type JobId, type Log } from "@pingo/core";
import { type BlockReader, linksOf, statDag, type Transfer } from "@pingo/storage";
import { whyOf } from "../why-of.ts";

export interface TrafficBytes {
  readonly up: number;
  readonly down: number;
}

const NONE: TrafficBytes = { up: 0, down: 0 };

export class Traffic {
  readonly #blocks: BlockReader;
  readonly #log: Log;
  readonly #jobByCid = new Map<Cid, JobId>();
  readonly #bytesByJob = new Map<JobId, TrafficBytes>();

  constructor(blocks: BlockReader, log: Log) {
    this.#blocks = blocks;
    this.#log = log;
  }

  /** From now on downloads of this block, and of all below it, are the job's. */
  async watch(job: JobId, root: Cid): Promise<void> {
    this.#jobByCid.set(root, job);
    if (codecOfCid(root) === "raw") return;
    for (const link of linksOf(root, await this.#blocks.get(root))) await this.watch(job, link);
  }

  readonly onTransfer = ({ cid, direction, bytes }: Transfer): void => {
    const job = this.#jobByCid.get(cid);
    if (job !== undefined && direction === "down") this.#add(job, { up: 0, down: bytes });
  };

  /** Never rejects: the count is for people, and the result it belongs to is durable. */
  async addUpdate(job: JobId, update: Cid): Promise<void> {
    try {
      const { bytes } = await statDag(this.#blocks, update);
      this.#add(job, { up: bytes, down: 0 });
    } catch (error) {
      this.#log.warn("upload_not_counted", { job, why: whyOf(error) });
    }
  }

  unsaved(job: JobId): TrafficBytes {
    return this.#bytesByJob.get(job) ?? NONE;
  }

  /** Once these have been added to the job's row. */
  saved(job: JobId, bytes: TrafficBytes): void {
    this.#add(job, { up: -bytes.up, down: -bytes.down });
  }

  forget(job: JobId): void {
    for (const [cid, owner] of this.#jobByCid) if (owner === job) this.#jobByCid.delete(cid);
    this.#bytesByJob.delete(job);
  }

  #add(job: JobId, { up, down }: TrafficBytes): void {
    const before = this.unsaved(job);
    this.#bytesByJob.set(job, { up: before.up + up, down: before.down + down });
  }
}
