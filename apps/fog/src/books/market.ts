/** What computing costs here now: what the last receipts were paid for the CPU time that they say. */
import { decodeCanonical, type MarketView, type OfferTotals, parseShape, zSignedReceipt } from "@pingo/core";
import { desc, eq, sql as raw } from "drizzle-orm";
import { isUnrefuted } from "../database/refutation-store.ts";
import { entries, results, type Sql, transfers } from "../database/schema.ts";

const RECEIPTS_MAX = 256;

export async function marketOf(sql: Sql, offers: OfferTotals): Promise<MarketView> {
  const rows = await sql
    .select({ receipt: results.receipt, nano: raw<string>`(-${entries.amountNano})::text` })
    .from(transfers)
    .innerJoin(results, eq(raw`'pay/' || ${results.lease}`, transfers.key))
    .innerJoin(entries, eq(entries.transfer, transfers.id))
    .where(raw`${transfers.kind} = 'pay' and ${entries.account} like 'escrow/%' and ${isUnrefuted()}`)
    .orderBy(desc(transfers.id))
    .limit(RECEIPTS_MAX);
  let paidNano = 0n;
  let cpuMs = 0;
  for (const { receipt, nano } of rows) {
    paidNano += BigInt(nano);
    cpuMs += parseShape(zSignedReceipt, decodeCanonical(receipt), "a stored receipt").body.cpuMs;
  }
  return { receipts: rows.length, paidNano: paidNano.toString(), cpuMs, ...offers };
}
