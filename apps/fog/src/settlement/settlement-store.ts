/** Escrows and payouts, as rows. */
import type { Cid, CountedReceipt, NodeId } from "@pingo/core";
import { and, asc, desc, eq, gt, inArray, isNotNull, isNull, like, max, or, sql as raw } from "drizzle-orm";
import { alias } from "drizzle-orm/pg-core";
import { escrowAccount, fogAccount, fogPurse } from "../books/accounts.ts";
import { isUnrefuted } from "../database/refutation-store.ts";
import {
  accounts,
  type EscrowRow,
  entries,
  escrows,
  jobs,
  type PayoutRow,
  payouts,
  results,
  type Sql,
  transfers,
  wallets,
} from "../database/schema.ts";
import { unitsOfRounds } from "../database/work-store.ts";

export interface JobToSettle {
  readonly job: Cid;
  readonly owner: NodeId;
  readonly budgetNano: bigint;
  readonly finishedUnixMs: number | null;
}

const PAGE = 64;

/** Unfinished jobs with a budget for which no escrow is named yet, and whose user's wallet is known. */
export async function jobsWithoutEscrow(
  sql: Sql,
): Promise<readonly (Pick<JobToSettle, "job"> & { readonly userAddress: string })[]> {
  return sql
    .select({ job: jobs.id, userAddress: wallets.address })
    .from(jobs)
    .innerJoin(wallets, eq(wallets.node, jobs.owner))
    .leftJoin(escrows, eq(escrows.job, jobs.id))
    .where(and(isNull(escrows.job), isNull(jobs.finishedUnixMs), gt(jobs.budgetNano, 0n)))
    .orderBy(asc(jobs.ordinal))
    .limit(PAGE);
}

type BillColumn = "bill" | "billNano" | "billEvidence" | "billSentUntilUnixS";

export async function saveEscrow(sql: Sql, row: Omit<EscrowRow, BillColumn>): Promise<void> {
  await sql.insert(escrows).values(row).onConflictDoNothing();
}

export async function findEscrow(sql: Sql, job: Cid): Promise<EscrowRow | undefined> {
  const [row] = await sql.select().from(escrows).where(eq(escrows.job, job));
  return row;
}

/** It did not pay yet, and may. */
function isLive() {
  return inArray(escrows.state, ["awaited", "funded", "billed", "disputed"]);
}

/** With its job, oldest first. */
export async function liveEscrows(
  sql: Sql,
): Promise<readonly { readonly escrow: EscrowRow; readonly job: JobToSettle }[]> {
  const rows = await sql
    .select({
      escrow: escrows,
      owner: jobs.owner,
      budgetNano: jobs.budgetNano,
      finished: jobs.finishedUnixMs,
    })
    .from(escrows)
    .innerJoin(jobs, eq(jobs.id, escrows.job))
    .where(isLive())
    .orderBy(asc(jobs.ordinal));
  return rows.map(({ escrow, owner, budgetNano, finished }) => ({
    escrow,
    job: { job: escrow.job, owner, budgetNano: budgetNano ?? 0n, finishedUnixMs: finished },
  }));
}

export async function setEscrowState(sql: Sql, job: Cid, state: EscrowRow["state"]): Promise<void> {
  await sql.update(escrows).set({ state }).where(eq(escrows.job, job));
}

/** What receipts of a job that ended came to: what left its escrow in the books for work, less what of it came back to its user. */
export async function usedNano(sql: Sql, job: Cid): Promise<bigint> {
  const isPaid = and(eq(entries.account, escrowAccount(job)), eq(transfers.kind, "pay"));
  const isBack = and(like(entries.account, "owner/%"), eq(transfers.kind, "takeback"));
  const [row] = await sql
    .select({ nano: raw<string>`coalesce(-sum(${entries.amountNano}), 0)::text` })
    .from(entries)
    .innerJoin(transfers, eq(transfers.id, entries.transfer))
    .where(and(eq(transfers.job, job), or(isPaid, isBack)));
  return BigInt(row?.nano ?? "0");
}

export interface BillToSend {
  readonly amountNano: bigint;
  /** What it stands for, by round and place. */
  readonly receipts: readonly CountedReceipt[];
}

/** As of one moment, in which some of it may be refuted: that counts no more. */
export async function billOf(sql: Sql, job: Cid): Promise<BillToSend> {
  const moment = { isolationLevel: "repeatable read", accessMode: "read only" } as const;
  return sql.transaction(async (tx) => {
    const ofRound = unitsOfRounds(tx, job);
    const receipts = await tx
      .select({ receipt: results.receiptCid, units: ofRound.count })
      .from(results)
      .innerJoin(ofRound, eq(ofRound.round, results.round))
      .where(and(eq(results.job, job), results.counted, isUnrefuted()))
      .orderBy(asc(results.round), asc(results.index));
    return { amountNano: await usedNano(tx, job), receipts };
  }, moment);
}

export interface KeptBill {
  readonly amountNano: bigint;
  readonly evidence: Uint8Array;
  /** BillDocument */
  readonly list: Cid;
}

export async function keepBill(sql: Sql, job: Cid, { amountNano, evidence, list }: KeptBill): Promise<void> {
  const bill = { bill: list, billNano: amountNano, billEvidence: evidence };
  await sql.update(escrows).set(bill).where(eq(escrows.job, job));
}

/** @param untilUnixS  it may arrive until then; null: it was not sent */
export async function setBillSent(sql: Sql, job: Cid, untilUnixS: number | null): Promise<void> {
  await sql.update(escrows).set({ billSentUntilUnixS: untilUnixS }).where(eq(escrows.job, job));
}

export interface RefundDue {
  readonly job: Cid;
  readonly node: NodeId;
  readonly address: string;
  readonly dueNano: bigint;
}

/** Of closed jobs whose escrows paid for work that was refuted since: what their users did not get back yet, the oldest first. */
export async function refundsDue(sql: Sql): Promise<readonly RefundDue[]> {
  const refuted = sql
    .select({ job: transfers.job })
    .from(transfers)
    .innerJoin(escrows, eq(escrows.job, transfers.job))
    .where(and(eq(transfers.kind, "takeback"), eq(escrows.state, "closed")));
  // What came from the escrow, less what went back already, less what its work comes to by now.
  const isPurse = and(eq(entries.account, fogPurse), inArray(transfers.kind, ["fund", "payout"]));
  const isPaid = and(like(entries.account, "escrow/%"), eq(transfers.kind, "pay"));
  const isBack = and(like(entries.account, "owner/%"), eq(transfers.kind, "takeback"));
  const nano = raw<string>`sum(case when ${entries.account} = ${fogPurse} then -${entries.amountNano} else ${entries.amountNano} end)`;
  const rows = await sql
    .select({
      job: escrows.job,
      node: jobs.owner,
      address: escrows.userAddress,
      nano: raw<string>`${nano}::text`,
    })
    .from(transfers)
    .innerJoin(entries, eq(entries.transfer, transfers.id))
    .innerJoin(escrows, eq(escrows.job, transfers.job))
    .innerJoin(jobs, eq(jobs.id, escrows.job))
    .where(and(inArray(transfers.job, refuted), or(isPurse, isPaid, isBack)))
    .groupBy(escrows.job, jobs.owner, escrows.userAddress, jobs.ordinal)
    .having(raw`${nano} > 0`)
    .orderBy(asc(jobs.ordinal));
  return rows.map(({ nano: dueNano, ...due }) => ({ ...due, dueNano: BigInt(dueNano) }));
}

export function sumDueNano(due: readonly RefundDue[]): bigint {
  return due.reduce((sum, { dueNano }) => sum + dueNano, 0n);
}

/** What a job's escrow paid beyond what its work comes to by now. */
export async function overpaidNano(sql: Sql, job: Cid): Promise<bigint> {
  const [row] = await sql
    .select({ nano: raw<string>`(-${entries.amountNano})::text` })
    .from(entries)
    .innerJoin(transfers, eq(transfers.id, entries.transfer))
    .where(and(eq(transfers.key, `billed/${job}`), eq(entries.account, fogPurse)));
  const overNano = BigInt(row?.nano ?? "0") - (await usedNano(sql, job));
  return overNano > 0n ? overNano : 0n;
}

/** On its way to its user, or there. */
export async function refundedNano(sql: Sql, job: Cid): Promise<bigint> {
  const [row] = await sql
    .select({ nano: raw<string>`coalesce(sum(${payouts.amountNano}), 0)::text` })
    .from(payouts)
    .where(and(eq(payouts.job, job), isNull(payouts.returnedUnixS)));
  return BigInt(row?.nano ?? "0");
}

/**
 * What is missing for refuted work whose pay had left the station, beyond what the station's fees bear: below zero by what of those is left. What a live
 * job gave is in nobody's purse yet, neither its fees nor what was set off from it: refuted before its bill, it never comes.
 */
export async function missingNano(sql: Sql, fog: NodeId): Promise<bigint> {
  const [row] = await sql
    .select({ nano: raw<string>`coalesce(-sum(${accounts.balanceNano}), 0)::text` })
    .from(accounts)
    .where(or(like(accounts.id, "owes/%"), eq(accounts.id, fogAccount(fog))));
  const given = givenByLiveJobs(sql);
  const [fees] = await sql
    .select({ nano: raw<string>`coalesce(sum(${given.nano}), 0)::text` })
    .from(given)
    .where(eq(given.account, fogAccount(fog)));
  const cause = alias(transfers, "cause");
  const [setOff] = await sql
    .select({ nano: raw<string>`coalesce(sum(${entries.amountNano}), 0)::text` })
    .from(transfers)
    .innerJoin(entries, eq(entries.transfer, transfers.id))
    .innerJoin(cause, eq(transfers.key, raw`'setoff/' || ${cause.key}`))
    .innerJoin(escrows, eq(escrows.job, cause.job))
    .where(and(eq(transfers.kind, "setoff"), like(entries.account, "owes/%"), isLive()));
  return BigInt(row?.nano ?? "0") + BigInt(fees?.nano ?? "0") + BigInt(setOff?.nano ?? "0");
}

/** By account. */
function givenByLiveJobs(sql: Sql) {
  return sql
    .select({ account: entries.account, nano: raw<string>`sum(${entries.amountNano})`.as("given_nano") })
    .from(escrows)
    .innerJoin(transfers, eq(transfers.job, escrows.job))
    .innerJoin(entries, eq(entries.transfer, transfers.id))
    .where(and(isLive(), inArray(transfers.kind, ["pay", "takeback"])))
    .groupBy(entries.account)
    .as("given");
}

export interface Earned {
  readonly node: NodeId;
  readonly address: string;
  readonly earnedNano: bigint;
}

/** Providers with at least so much in the books, whose wallet is known; without what they earned on jobs whose escrows did not pay yet. */
export async function earnedByWallets(sql: Sql, nanoMin: bigint): Promise<readonly Earned[]> {
  const given = givenByLiveJobs(sql);
  const earned = raw<string>`${accounts.balanceNano} - coalesce(${given.nano}, 0)`;
  const rows = await sql
    .select({ node: wallets.node, address: wallets.address, earnedNano: raw<string>`(${earned})::text` })
    .from(accounts)
    .innerJoin(wallets, eq(accounts.id, raw`'provider/' || ${wallets.node}`))
    .leftJoin(given, eq(given.account, accounts.id))
    .where(and(like(accounts.id, "provider/%"), raw`${earned} >= ${nanoMin}`))
    .orderBy(accounts.id)
    .limit(PAGE);
  return rows.map(({ earnedNano, ...who }) => ({ ...who, earnedNano: BigInt(earnedNano) }));
}

export async function insertPayout(
  sql: Sql,
  payout: Pick<PayoutRow, "node" | "address" | "amountNano" | "job">,
): Promise<number> {
  const [row] = await sql.insert(payouts).values(payout).returning({ id: payouts.id });
  if (row === undefined) throw new TypeError("an insert returns its row");
  return row.id;
}

export async function payoutsOnTheirWay(sql: Sql): Promise<readonly PayoutRow[]> {
  return sql.select().from(payouts).where(isNull(payouts.seenLt)).orderBy(asc(payouts.id)).limit(PAGE);
}

export async function setPayoutsSent(sql: Sql, ids: readonly number[], untilUnixS: number): Promise<void> {
  await sql
    .update(payouts)
    .set({ sentUntilUnixS: untilUnixS })
    .where(inArray(payouts.id, [...ids]));
}

export async function setPayoutSeen(sql: Sql, id: number, lt: bigint): Promise<void> {
  await sql.update(payouts).set({ seenLt: lt }).where(eq(payouts.id, id));
}

/** Whatever was paid before it has been seen. */
export async function lastSeenLt(sql: Sql): Promise<bigint> {
  const [row] = await sql.select({ lt: max(payouts.seenLt) }).from(payouts);
  return row?.lt ?? 0n;
}

/** Seen to have gone out; how they ended is not seen yet. */
export async function payoutsNotEnded(
  sql: Sql,
): Promise<readonly (PayoutRow & { readonly seenLt: bigint })[]> {
  const rows = await sql
    .select()
    .from(payouts)
    .where(and(isNotNull(payouts.seenLt), isNull(payouts.endLt)))
    .orderBy(asc(payouts.id))
    .limit(PAGE);
  return rows.flatMap((row) => (row.seenLt === null ? [] : [{ ...row, seenLt: row.seenLt }]));
}

/** @param returnedUnixS  null: it arrived */
export async function endPayout(
  sql: Sql,
  id: number,
  { endLt, returnedUnixS }: { readonly endLt: bigint; readonly returnedUnixS: number | null },
): Promise<void> {
  await sql.update(payouts).set({ endLt, returnedUnixS }).where(eq(payouts.id, id));
}

/** How many payouts to this wallet came back since one arrived, and when the last of them did. */
export async function returnsOf(
  sql: Sql,
  address: string,
): Promise<{ readonly times: number; readonly lastUnixS: number }> {
  const rows = await sql
    .select({ returnedUnixS: payouts.returnedUnixS })
    .from(payouts)
    .where(and(eq(payouts.address, address), isNotNull(payouts.endLt)))
    .orderBy(desc(payouts.id))
    .limit(PAGE);
  const arrived = rows.findIndex(({ returnedUnixS }) => returnedUnixS === null);
  const times = arrived < 0 ? rows.length : arrived;
  return { times, lastUnixS: times === 0 ? 0 : (rows[0]?.returnedUnixS ?? 0) };
}
