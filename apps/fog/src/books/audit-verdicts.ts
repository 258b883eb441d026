/**
 * Verdicts on work, and what follows from them in the books. A verdict's own words are compared with the receipt that it is about; whether they are true
 * tells "pingo audit verdict", which does the work again.
 */
import {
  type Cid,
  cidOfValue,
  isFault,
  isRunUnit,
  isVerdictOn,
  type LeaseId,
  type WorkUnit,
} from "@pingo/core";
import { and, eq, sql as raw } from "drizzle-orm";
import { verdictIn } from "../database/refutation-store.ts";
import { entries, type ResultRow, type Sql, transfers } from "../database/schema.ts";
import { toleranceOf } from "../membership/deviation.ts";
import type { Find } from "../settlement/reconcile.ts";
import { owesAccount, providerAccount } from "./accounts.ts";
import { takeBackKey } from "./take-back.ts";

const STRAYS_MAX = 100;

/** @param unit the work that the result is of, as it was planned */
export function checkVerdict(result: ResultRow, unit: WorkUnit, bytes: Uint8Array, find: Find): void {
  try {
    const verdict = verdictIn(bytes);
    const { steps, update, receiptCid } = result;
    const tolerance = isRunUnit(unit) ? 0 : toleranceOf(steps);
    const about = { unit: cidOfValue(unit), steps, update };
    if (verdict.tolerance === tolerance && isVerdictOn(verdict, receiptCid, about)) return;
    find("VERDICT_ALTERED", result.lease, "it is about another result, or tells nothing against this one");
  } catch (error) {
    if (!isFault(error)) throw error;
    find("VERDICT_ALTERED", result.lease, error.message);
  }
}

/** How much of it a provider still had, the books alone know: what it had and what it owes are compared together. */
export function mergeOwed(
  written: ReadonlyMap<string, bigint>,
  provider: ResultRow["provider"],
): ReadonlyMap<string, bigint> {
  const [own, owes] = [providerAccount(provider), owesAccount(provider)];
  const owedNano = written.get(owes) ?? 0n;
  const takenNano = written.get(own) ?? 0n;
  // Neither is ever given anything by it.
  if (owedNano >= 0n || takenNano > 0n) return written;
  const merged = new Map(written);
  merged.delete(owes);
  return merged.set(own, takenNano + owedNano);
}

/** Taken back, and no verdict says so; or once more than it says. */
export async function checkTakeBackStrays(
  sql: Sql,
  job: Cid,
  verdicts: ReadonlyMap<LeaseId, unknown>,
  find: Find,
): Promise<void> {
  const rows = await sql
    .select({ key: transfers.key })
    .from(transfers)
    .where(and(eq(transfers.job, job), eq(transfers.kind, "takeback")));
  const keys = [...verdicts.keys()].map(takeBackKey);
  const named = new Set<string>(keys);
  for (const { key } of rows.filter((row) => !named.has(row.key)).slice(0, STRAYS_MAX)) {
    if (keys.some((one) => key.startsWith(one))) find("TAKEN_BACK_TWICE", key, "it was taken back already");
    else find("TAKEN_BACK_WITHOUT_VERDICT", key, "no verdict on work that counted stands behind it");
  }
}

/** Whoever owes has nothing, and what is set off moves between those two accounts of one provider. */
export async function checkSetOffs(sql: Sql, find: Find): Promise<void> {
  const node = raw`split_part(${entries.account}, '/', 2)`;
  const owed = raw`sum(${entries.amountNano}) filter (where ${entries.account} like 'owes/%')`;
  const own = raw`sum(${entries.amountNano}) filter (where ${entries.account} like 'provider/%')`;
  const torn = await sql
    .select({ key: transfers.key })
    .from(transfers)
    .innerJoin(entries, eq(entries.transfer, transfers.id))
    .where(eq(transfers.kind, "setoff"))
    .groupBy(transfers.id, transfers.key)
    .having(raw`count(distinct ${node}) <> 1 or coalesce(${owed}, 0) <= 0 or ${owed} + ${own} <> 0`)
    .limit(STRAYS_MAX);
  for (const { key } of torn)
    find("SET_OFF_WRONG", key, "it moves something else than a provider's earnings to what it owes");
  const both = await sql
    .select({ node: raw<string>`${node}` })
    .from(entries)
    .where(raw`${entries.account} like 'owes/%' or ${entries.account} like 'provider/%'`)
    .groupBy(node)
    .having(raw`coalesce(${owed}, 0) < 0 and coalesce(${own}, 0) > 0`)
    .limit(STRAYS_MAX);
  for (const { node: who } of both)
    find("SET_OFF_WRONG", `owes/${who}`, "it owes for refuted work, and has earnings that were not set off");
}
