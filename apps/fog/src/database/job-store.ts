/** Jobs, as rows: one per signed submission. */
import type { Cid, NodeId } from "@pingo/core";
import { asc, count, desc, eq, isNull, sql as raw, type SQL } from "drizzle-orm";
import { escrows, type JobRow, jobs, type Sql } from "./schema.ts";

/** Newest first; what one answer of GET /v1/jobs may carry. */
export const JOBS_LISTED_MAX = 1_000;

/** false when the job is there already. */
export async function insertJob(sql: Sql, job: typeof jobs.$inferInsert): Promise<boolean> {
  const inserted = await sql.insert(jobs).values(job).onConflictDoNothing().returning({ id: jobs.id });
  return inserted.length === 1;
}

export async function findJob(sql: Sql, id: Cid): Promise<JobRow | undefined> {
  const [row] = await sql.select().from(jobs).where(eq(jobs.id, id));
  return row;
}

export async function updateJob(
  sql: Sql,
  id: Cid,
  change: Partial<Omit<JobRow, "id" | "ordinal">>,
): Promise<void> {
  await sql.update(jobs).set(change).where(eq(jobs.id, id));
}

export async function listJobs(sql: Sql): Promise<JobRow[]> {
  return sql.select().from(jobs).orderBy(desc(jobs.ordinal)).limit(JOBS_LISTED_MAX);
}

/** Oldest first: the order in which they get capacity. */
export async function listUnfinishedJobs(sql: Sql): Promise<JobRow[]> {
  return sql.select().from(jobs).where(isNull(jobs.finishedUnixMs)).orderBy(asc(jobs.ordinal));
}

export async function countUnfinishedJobs(sql: Sql): Promise<number> {
  const [row] = await sql.select({ unfinished: count() }).from(jobs).where(isNull(jobs.finishedUnixMs));
  return row?.unfinished ?? 0;
}

export interface Places {
  readonly funded: number;
  /** Nothing is in their escrow yet, or they are for nothing. */
  readonly unfunded: number;
  readonly unfundedOfOwner: number;
}

/** Of unfinished jobs, where they are paid on chain. */
export async function countPlaces(sql: Sql, owner: NodeId): Promise<Places> {
  const isFunded = raw`coalesce(${escrows.state}, 'awaited') <> 'awaited'`;
  const counted = (condition: SQL) => raw<number>`count(*) filter (where ${condition})`.mapWith(Number);
  const [row] = await sql
    .select({
      funded: counted(isFunded),
      unfunded: counted(raw`not (${isFunded})`),
      unfundedOfOwner: counted(raw`not (${isFunded}) and ${jobs.owner} = ${owner}`),
    })
    .from(jobs)
    .leftJoin(escrows, eq(escrows.job, jobs.id))
    .where(isNull(jobs.finishedUnixMs));
  return row ?? { funded: 0, unfunded: 0, unfundedOfOwner: 0 };
}
