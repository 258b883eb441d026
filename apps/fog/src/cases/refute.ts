/**
 * A result did not come out again: what was found is written down as a block for others to check, and what the work was paid is taken back, in one
 * transaction. Whatever ends in between, it is found again or done.
 */
import {
  type Cid,
  type Clock,
  cidOfBytes,
  decodeCanonical,
  encodeCanonical,
  type Log,
  type NodeId,
  parseShape,
  type VerdictBlock,
  zSignedReceipt,
} from "@pingo/core";
import type { Blocks } from "@pingo/storage";
import { and, eq } from "drizzle-orm";
import { takeBack } from "../books/take-back.ts";
import { takeCountedUnit } from "../database/provider-store.ts";
import { cidOfVerdict, saveRefutation } from "../database/refutation-store.ts";
import { jobs, type ResultRow, type Sql, statements } from "../database/schema.ts";
import { listUnitBlocks } from "../database/work-store.ts";

export interface RefuteOptions {
  readonly sql: Sql;
  readonly blocks: Pick<Blocks, "put">;
  /** This station: its fee goes back too. */
  readonly fog: NodeId;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Finding {
  readonly result: ResultRow;
  readonly reexecuted: Cid;
  readonly deviation: number;
  readonly tolerance: number;
}

/**
 * @param also  written in the same transaction
 * @returns the case: CID of the verdict
 */
export async function refute(
  options: RefuteOptions,
  finding: Finding,
  also: (sql: Sql) => Promise<void> = async () => undefined,
): Promise<Cid> {
  const { sql, blocks, fog, clock, log } = options;
  const { lease, job, provider } = finding.result;
  const verdict = encodeCanonical(await verdictOf(sql, finding));
  const cid = cidOfVerdict(verdict);
  // Before the rows that name them: who reads those finds these.
  await blocks.put(verdict, "dagCbor");
  await blocks.put(finding.result.receipt, "dagCbor");
  const unit = (await listUnitBlocks(sql, job, finding.result.round))[finding.result.index];
  if (unit !== undefined) await blocks.put(unit, "dagCbor");
  const atUnixMs = clock.nowUnixMs();
  const backNano = await sql.transaction(async (tx) => {
    const [row] = await tx.select({ owner: jobs.owner }).from(jobs).where(eq(jobs.id, job));
    const { deviation } = finding;
    const isFirst = await saveRefutation(tx, { lease, deviation, atUnixMs, verdict });
    await also(tx);
    if (!isFirst || !finding.result.counted || row === undefined) return 0n;
    await takeCountedUnit(tx, provider);
    return takeBack(tx, { lease, job, owner: row.owner, provider, fog, atUnixMs });
  });
  log.warn("work_refuted", { lease, job, provider, verdict: cid, backNano: backNano.toString() });
  return cid;
}

async function verdictOf(
  sql: Sql,
  { result, reexecuted, deviation, tolerance }: Finding,
): Promise<VerdictBlock> {
  const { lease, receiptCid, steps, update: claimed } = result;
  const isIts = and(eq(statements.lease, lease), eq(statements.receiptCid, receiptCid));
  const [row] = await sql.select({ statement: statements.statement }).from(statements).where(isIts);
  const { body } = parseShape(zSignedReceipt, decodeCanonical(result.receipt), "a stored receipt");
  return {
    kind: "pingo/verdict/v1",
    statement: row === undefined ? null : cidOfBytes(row.statement, "dagCbor"),
    ...{ receipt: receiptCid, unit: body.unit, steps, claimed, reexecuted, tolerance },
    deviation: deviation < Number.MAX_VALUE ? deviation : null,
  };
}
