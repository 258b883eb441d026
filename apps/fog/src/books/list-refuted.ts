/** Refuted work as the control API tells it: which, by what verdict, and what was taken back for it. */
import type { RefutedWork } from "@pingo/core";
import { eq, inArray } from "drizzle-orm";
import { cidOfVerdict, type RefutedResult } from "../database/refutation-store.ts";
import { entries, type Sql, transfers } from "../database/schema.ts";
import { takeBackKey } from "./take-back.ts";

export async function listRefuted(
  sql: Sql,
  found: readonly RefutedResult[],
): Promise<readonly RefutedWork[]> {
  if (found.length === 0) return [];
  const rows = await sql
    .select({ key: transfers.key, account: entries.account, amountNano: entries.amountNano })
    .from(transfers)
    .innerJoin(entries, eq(entries.transfer, transfers.id))
    .where(
      inArray(
        transfers.key,
        found.map(({ result }) => takeBackKey(result.lease)),
      ),
    );
  const byKey = Map.groupBy(rows, ({ key }) => key);
  return found.map(({ result, verdict, atUnixMs }) => {
    const { lease, job, round, index: unit, provider, receiptCid: receipt } = result;
    const parts = byKey.get(takeBackKey(lease)) ?? [];
    const sumOf = (role: RegExp): bigint =>
      parts.reduce((sum, { account, amountNano }) => (role.test(account) ? sum + amountNano : sum), 0n);
    return {
      ...{ job, round, unit, provider, receipt, atUnixMs },
      verdict: cidOfVerdict(verdict),
      totalNano: sumOf(/^owner\//).toString(),
      providerNano: (-sumOf(/^(provider|owes)\//)).toString(),
    };
  });
}
