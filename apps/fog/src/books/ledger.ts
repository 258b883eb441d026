/** Reads the books: balances, and what moved them. */
import type { Cid, NodeId } from "@pingo/core";
import { and, desc, eq, inArray, like, lt, notExists, sql as raw } from "drizzle-orm";
import { alias } from "drizzle-orm/pg-core";
import { accounts, entries, type Sql, transfers, wallets } from "../database/schema.ts";
import { type AccountId, fogAccount, owesAccount, ownerAccount, providerAccount } from "./accounts.ts";

/** Of one answer. */
export const STATEMENT_MAX = 256;

export async function balanceNano(sql: Sql, account: AccountId): Promise<bigint> {
  const [row] = await sql
    .select({ nano: accounts.balanceNano })
    .from(accounts)
    .where(eq(accounts.id, account));
  return row?.nano ?? 0n;
}

/** Held until the transaction ends: nobody else spends them meanwhile. */
export async function earningsOfWallet(
  sql: Sql,
  owner: NodeId,
): Promise<readonly { readonly account: AccountId; readonly earnedNano: bigint }[]> {
  const own = alias(wallets, "own");
  const rows = await sql
    .select({ node: wallets.node, earnedNano: accounts.balanceNano })
    .from(accounts)
    .innerJoin(wallets, eq(accounts.id, raw`'provider/' || ${wallets.node}`))
    .innerJoin(own, eq(own.address, wallets.address))
    .where(eq(own.node, owner))
    .orderBy(accounts.id)
    .for("update", { of: accounts });
  return rows.map(({ node, earnedNano }) => ({ account: providerAccount(node), earnedNano }));
}

export interface StatementLine {
  readonly transfer: number;
  readonly kind: string;
  readonly job: Cid | null;
  readonly atUnixMs: number;
  readonly account: string;
  readonly amountNano: bigint;
}

export interface Statement {
  /** What it may spend on jobs; below zero what it owes. */
  readonly ownerNano: bigint;
  /** What it earned by working, and is still to be paid out. */
  readonly providerNano: bigint;
  readonly fogNano: bigint;
  /** By work and fees since its first day, wherever it is by now. */
  readonly earnedNano: bigint;
  /** Of what it earned, what went to its wallet. */
  readonly paidOutNano: bigint;
  /** For work that was refuted since, and what of that it still owes. */
  readonly takenBackNano: bigint;
  readonly owedNano: bigint;
  /** On jobs, or put aside for those that run. */
  readonly spentNano: bigint;
  /** Newest first. */
  readonly lines: readonly StatementLine[];
}

/** @param before  only lines of earlier transfers: the next page */
export async function statementOf(sql: Sql, id: NodeId, before: number): Promise<Statement> {
  const mine = [ownerAccount(id), providerAccount(id), fogAccount(id), owesAccount(id)];
  const [ownerNano = 0n, providerNano = 0n, fogNano = 0n, owesNano = 0n] = await Promise.all(
    mine.map((account) => balanceNano(sql, account)),
  );
  const moved = await movedByKind(sql, mine);
  const earner: readonly string[] = [providerAccount(id), fogAccount(id), owesAccount(id)];
  const lines = await sql
    .select({
      transfer: transfers.id,
      kind: transfers.kind,
      job: transfers.job,
      atUnixMs: transfers.atUnixMs,
      account: entries.account,
      amountNano: entries.amountNano,
    })
    .from(entries)
    .innerJoin(transfers, eq(transfers.id, entries.transfer))
    .where(and(inArray(entries.account, mine), lt(transfers.id, before)))
    .orderBy(desc(transfers.id), entries.account)
    .limit(STATEMENT_MAX);
  return {
    ownerNano,
    providerNano,
    fogNano,
    // What left an earner's account was earned all the same.
    earnedNano: moved((account, kind) => earner.includes(account) && kind !== "payout" && kind !== "fund"),
    paidOutNano: -moved((account, kind) => earner.includes(account) && kind === "payout"),
    takenBackNano: -moved((account, kind) => earner.includes(account) && kind === "takeback"),
    owedNano: -owesNano,
    spentNano: -moved((account, kind) => account === ownerAccount(id) && SPENT.has(kind)),
    lines,
  };
}

/** Of an owner: put aside for jobs, and what of it came back. */
const SPENT: ReadonlySet<string> = new Set(["escrow", "refund", "takeback"]);

/** @returns the sum of what moved those accounts, by transfers of the kinds that are picked */
async function movedByKind(
  sql: Sql,
  own: readonly AccountId[],
): Promise<(isPicked: (account: string, kind: string) => boolean) => bigint> {
  const rows = await sql
    .select({
      account: entries.account,
      kind: transfers.kind,
      nano: raw<string>`sum(${entries.amountNano})::text`,
    })
    .from(entries)
    .innerJoin(transfers, eq(transfers.id, entries.transfer))
    .where(inArray(entries.account, own))
    .groupBy(entries.account, transfers.kind);
  return (isPicked) =>
    rows.reduce((sum, { account, kind, nano }) => (isPicked(account, kind) ? sum + BigInt(nano) : sum), 0n);
}

/** Who earned what with a job, the most first. */
export async function earnedOnJob(
  sql: Sql,
  job: Cid,
): Promise<readonly { readonly account: string; readonly amountNano: bigint }[]> {
  // Not how it came here and left: what is paid in is no income, nor what goes back to its owner.
  const outer = alias(entries, "outer_entries");
  const outside = sql
    .select({ account: outer.account })
    .from(outer)
    .where(and(eq(outer.transfer, transfers.id), like(outer.account, "world/%")));
  const total = raw<string>`sum(${entries.amountNano})::text`;
  // What a provider owes of it is no second earner.
  const account = raw<string>`regexp_replace(${entries.account}, '^owes/', 'provider/')`;
  const rows = await sql
    .select({ account, nano: total })
    .from(entries)
    .innerJoin(transfers, eq(transfers.id, entries.transfer))
    .where(and(eq(transfers.job, job), notExists(outside)))
    .groupBy(account)
    .orderBy(desc(raw`sum(${entries.amountNano})`), account)
    .limit(STATEMENT_MAX);
  return rows.map(({ account, nano }) => ({ account, amountNano: BigInt(nano) }));
}
