/** Epochs, their jobs and roots, as rows; and jobs that no epoch has yet. */
import type { Cid, EpochJob, NodeId, Pool } from "@pingo/core";
import { and, asc, desc, eq, inArray, isNull, like, sql as raw } from "drizzle-orm";
import { fogPurse, rewardAccount } from "../books/accounts.ts";
import {
  accounts,
  claimCursors,
  type EpochRootRow,
  type EpochRow,
  entries,
  epochJobs,
  epochRoots,
  epochs,
  escrows,
  jobs,
  refutations,
  type Sql,
  transfers,
  wallets,
} from "../database/schema.ts";

/** Of one epoch; what is over waits for the next. */
const JOBS_MAX = 1_024;

export interface SettledJob extends Omit<EpochJob, "receipts"> {
  readonly envelope: Uint8Array;
}

/** Their escrows are closed and paid the station, and no epoch has them; the oldest first. */
export async function settledJobs(sql: Sql): Promise<readonly SettledJob[]> {
  const rows = await sql
    .select({
      job: jobs.id,
      envelope: jobs.envelope,
      state: jobs.state,
      kind: jobs.kind,
      user: escrows.userAddress,
      deadlineUnixS: escrows.deadlineUnixS,
      paidNano: raw<string>`(-${entries.amountNano})::text`,
    })
    .from(escrows)
    .innerJoin(jobs, eq(jobs.id, escrows.job))
    .innerJoin(transfers, eq(transfers.key, raw`'billed/' || ${escrows.job}`))
    .innerJoin(entries, and(eq(entries.transfer, transfers.id), eq(entries.account, fogPurse)))
    .leftJoin(epochJobs, eq(epochJobs.job, jobs.id))
    .where(and(eq(escrows.state, "closed"), isNull(epochJobs.job)))
    .orderBy(asc(jobs.ordinal))
    .limit(JOBS_MAX);
  return rows.map(({ state, kind, ...row }) => ({
    ...row,
    isModel: kind === "Train" && state === "succeeded",
  }));
}

/** Grows with every verdict: what an epoch that is open would give is another then. */
export async function countVerdicts(sql: Sql): Promise<number> {
  return sql.$count(refutations);
}

/** What both keys signed, of those who said whose wallet they work for. */
export async function linksOf(sql: Sql, nodes: readonly NodeId[]): Promise<readonly Uint8Array[]> {
  if (nodes.length === 0) return [];
  const rows = await sql
    .select({ link: wallets.link })
    .from(wallets)
    .where(inArray(wallets.node, [...nodes]))
    .orderBy(asc(wallets.node));
  return rows.map(({ link }) => link);
}

export async function insertEpoch(
  sql: Sql,
  epoch: EpochRow,
  { ids, roots }: { readonly ids: readonly Cid[]; readonly roots: readonly EpochRootRow[] },
): Promise<void> {
  await sql.insert(epochs).values(epoch);
  await sql.insert(epochJobs).values(ids.map((job) => ({ job, epoch: epoch.epoch })));
  if (roots.length > 0) await sql.insert(epochRoots).values([...roots]);
}

export async function lastEpoch(sql: Sql): Promise<EpochRow | undefined> {
  const [row] = await sql.select().from(epochs).orderBy(desc(epochs.epoch)).limit(1);
  return row;
}

export async function findEpoch(sql: Sql, epoch: number): Promise<EpochRow | undefined> {
  const [row] = await sql.select().from(epochs).where(eq(epochs.epoch, epoch));
  return row;
}

/** Oldest first. */
export async function listEpochs(sql: Sql): Promise<readonly EpochRow[]> {
  return sql.select().from(epochs).orderBy(asc(epochs.epoch));
}

export async function rootsOfEpoch(sql: Sql, epoch: number): Promise<readonly EpochRootRow[]> {
  return sql.select().from(epochRoots).where(eq(epochRoots.epoch, epoch)).orderBy(asc(epochRoots.pool));
}

/** Newest first. */
export async function rootsOfPool(sql: Sql, pool: Pool): Promise<readonly EpochRootRow[]> {
  return sql.select().from(epochRoots).where(eq(epochRoots.pool, pool)).orderBy(desc(epochRoots.epoch));
}

export async function setRootSeen(
  sql: Sql,
  { epoch, pool }: Pick<EpochRootRow, "epoch" | "pool">,
): Promise<void> {
  await sql
    .update(epochRoots)
    .set({ isSeen: true })
    .where(and(eq(epochRoots.epoch, epoch), eq(epochRoots.pool, pool)));
}

export async function claimCursor(sql: Sql, pool: Pool): Promise<bigint> {
  const [row] = await sql
    .select({ lt: claimCursors.lt })
    .from(claimCursors)
    .where(eq(claimCursors.pool, pool));
  return row?.lt ?? 0n;
}

export async function setClaimCursor(sql: Sql, pool: Pool, lt: bigint): Promise<void> {
  await sql
    .insert(claimCursors)
    .values({ pool, lt })
    .onConflictDoUpdate({ target: claimCursors.pool, set: { lt } });
}

/** Whoever was ever given something from it; workchain:hex. */
export async function ownersOf(sql: Sql, pool: Pool): Promise<readonly string[]> {
  const before = rewardAccount(pool, "");
  const rows = await sql
    .select({ id: accounts.id })
    .from(accounts)
    .where(like(accounts.id, `${before}%`))
    .orderBy(asc(accounts.id));
  return rows.map(({ id }) => id.slice(before.length));
}

/** By kind of transfer: what an owner was given, and what of it left the vault. */
export async function movedNano(
  sql: Sql,
  pool: Pool,
  owner: string,
): Promise<{ readonly givenNano: bigint; readonly claimedNano: bigint }> {
  const rows = await sql
    .select({ kind: transfers.kind, nano: raw<string>`sum(${entries.amountNano})::text` })
    .from(entries)
    .innerJoin(transfers, eq(transfers.id, entries.transfer))
    .where(eq(entries.account, rewardAccount(pool, owner)))
    .groupBy(transfers.kind);
  const nanoOf = (kind: string): bigint => BigInt(rows.find((row) => row.kind === kind)?.nano ?? "0");
  return { givenNano: nanoOf("reward"), claimedNano: -nanoOf("claim") };
}
