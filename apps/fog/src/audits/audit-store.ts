/** Work that may be done again, and what came of it, as rows. */
import type { NodeId } from "@pingo/core";
import type { AuditHistory } from "@pingo/scheduler";
import { and, eq, gt, isNotNull, isNull, lt, lte, max, sql as raw, type SQL } from "drizzle-orm";
import { isUnrefuted } from "../database/refutation-store.ts";
import { audits, type ResultRow, refutations, results, type Sql, verifications } from "../database/schema.ts";
import { JUDGED_STEPS_MAX } from "../membership/deviation.ts";
import { REDONE_ROWS_MAX } from "../membership/member-store.ts";

/** Providers whose work came since `fromUnixMs`, and that have some of it undone; who was audited least often is first. */
export async function auditable(sql: Sql, fromUnixMs: number): Promise<readonly NodeId[]> {
  const tried = raw`(select count(*) from ${audits} tried where tried.node = ${results.provider})`;
  const rows = await sql
    .select({ provider: results.provider })
    .from(results)
    .leftJoin(audits, eq(audits.lease, results.lease))
    .leftJoin(verifications, eq(verifications.lease, results.lease))
    .where(isOpen(fromUnixMs))
    .groupBy(results.provider)
    .orderBy(tried, results.provider);
  return rows.map(({ provider }) => provider);
}

/** Its oldest piece that is drawn at this rate. */
export async function nextDrawn(
  sql: Sql,
  provider: NodeId,
  { rate, fromUnixMs }: { readonly rate: number; readonly fromUnixMs: number },
): Promise<ResultRow | undefined> {
  const [row] = await sql
    .select({ result: results })
    .from(results)
    .leftJoin(audits, eq(audits.lease, results.lease))
    .leftJoin(verifications, eq(verifications.lease, results.lease))
    .where(and(isOpen(fromUnixMs), eq(results.provider, provider), lt(results.draw, rate)))
    .orderBy(results.receivedUnixMs, results.lease)
    .limit(1);
  return row?.result;
}

/** Counted, not done again yet, and small enough to be judged. */
function isOpen(fromUnixMs: number): SQL | undefined {
  return and(
    results.counted,
    isNotNull(results.draw),
    gt(results.receivedUnixMs, fromUnixMs),
    lte(results.steps, JUDGED_STEPS_MAX),
    lte(results.rows, REDONE_ROWS_MAX),
    isNull(audits.lease),
    isNull(verifications.lease),
    isUnrefuted(),
  );
}

export async function historyOf(sql: Sql, provider: NodeId): Promise<AuditHistory> {
  const [refuted] = await sql
    .select({ atUnixMs: max(refutations.atUnixMs) })
    .from(refutations)
    .innerJoin(results, eq(results.lease, refutations.lease))
    .where(eq(results.provider, provider));
  const lastUnixMs = refuted?.atUnixMs ?? null;
  let passed = 0;
  for (const table of [audits, verifications]) {
    const isSince = gt(table.atUnixMs, lastUnixMs ?? -1);
    passed += await sql.$count(table, and(eq(table.node, provider), eq(table.verdict, "same"), isSince));
  }
  return { passed, wasRefuted: lastUnixMs !== null };
}

export async function saveAudit(sql: Sql, row: typeof audits.$inferInsert): Promise<void> {
  await sql.insert(audits).values(row).onConflictDoNothing();
}
