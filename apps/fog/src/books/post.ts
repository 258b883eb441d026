/** One transfer of the books: in the transaction of what causes it, once. */
import type { JobId } from "@pingo/core";
import { asc, inArray, sql as raw } from "drizzle-orm";
import { accounts, type Sql } from "../database/schema.ts";
import type { AccountId } from "./accounts.ts";

export type TransferKind =
  | "fund"
  | "escrow"
  | "pay"
  | "refund"
  | "reward"
  | "payout"
  | "claim"
  | "takeback"
  | "setoff";

export interface Transfer {
  /** Of its cause: the same key again writes nothing. */
  readonly key: string;
  readonly kind: TransferKind;
  readonly job: JobId | null;
  readonly atUnixMs: number;
  /** Sum to zero, which the database checks when the transaction ends. */
  readonly entries: readonly (readonly [AccountId, bigint])[];
}

/** @returns whether it is new */
export async function post(sql: Sql, transfer: Transfer): Promise<boolean> {
  const { key, kind, job, atUnixMs, entries } = transfer;
  // As literals of arrays: drivers disagree on how a list of bigints is bound.
  const accounts = `{${entries.map(([account]) => `"${account}"`).join(",")}}`;
  const amounts = `{${entries.map(([, amountNano]) => amountNano.toString()).join(",")}}`;
  const call = raw`(select post_transfer(${key}, ${kind}, ${job}, ${atUnixMs}::bigint, ${accounts}::text[], ${amounts}::bigint[]) as "isNew")`;
  const [row] = await sql.select({ isNew: raw<boolean>`posted."isNew"` }).from(raw`${call} as posted`);
  return row?.isNew === true;
}

/** Held until the transaction ends, so that what is read of them stays so; in the order in which transfers touch them. */
export async function holdAccounts(sql: Sql, ids: readonly AccountId[]): Promise<void> {
  const held = inArray(accounts.id, [...ids]);
  await sql.select({ id: accounts.id }).from(accounts).where(held).orderBy(asc(accounts.id)).for("update");
}
