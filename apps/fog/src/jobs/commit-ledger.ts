/** Writes down a committed round: the version, the job's sums and the event, in one transaction. */
import type { Cid, NumberedEvent } from "@pingo/core";
import { type CountedDelivery, summaryOf } from "@pingo/training";
import { appendEvent } from "../database/event-store.ts";
import { updateJob } from "../database/job-store.ts";
import { insertRound } from "../database/round-store.ts";
import type { JobRow, Sql } from "../database/schema.ts";
import type { CommitMoment } from "./course.ts";
import type { StoredVersion } from "./versions.ts";

export interface CommitToRecord extends CommitMoment {
  /** Of a Run job there is one, whose "weights" are the folder of its results. */
  readonly version: Pick<StoredVersion, "number" | "weightsCid" | "averageCid"> & {
    readonly momentumCid: Cid | null;
  };
  readonly deliveries: readonly CountedDelivery[];
}

export async function recordCommit(
  sql: Sql,
  { row, version, deliveries, bytes, atUnixMs }: CommitToRecord,
): Promise<{ readonly change: Partial<JobRow>; readonly written: NumberedEvent }> {
  const { number, weightsCid: weights, momentumCid: momentum, averageCid: average } = version;
  const summary = summaryOf(deliveries);
  const change = {
    round: number,
    steps: row.steps + summary.steps,
    rows: row.rows + summary.rows,
    loss: summary.loss,
    bytesUp: row.bytesUp + bytes.up,
    bytesDown: row.bytesDown + bytes.down,
    trainingMs: Math.max(0, atUnixMs - (row.trainingBeganUnixMs ?? atUnixMs)),
  };
  const units = deliveries.length;
  const stored = { job: row.id, version: number, weights, momentum, average, units, ...summary };
  const { rounds } = row;
  const written = await sql.transaction(async (tx) => {
    await insertRound(tx, { ...stored, committedUnixMs: atUnixMs });
    await updateJob(tx, row.id, change);
    return appendEvent(tx, row.id, atUnixMs, {
      type: "committed",
      round: number,
      rounds,
      ...summary,
      weights,
    });
  });
  return { change, written };
}
