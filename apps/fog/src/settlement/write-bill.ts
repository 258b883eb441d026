/**
 * What a bill stands for, as its user needs it to compute it again: the job, each receipt and the unit that it names as blocks, and the list of them as a file.
 *
 * Written before the bill is on chain, and the same however often.
 */
import { assertDefined, type BillDocument, type Cid } from "@pingo/core";
import { type Blocks, writeFile } from "@pingo/storage";
import { findJob } from "../database/job-store.ts";
import type { Sql } from "../database/schema.ts";
import { countedReceipts } from "../database/work-store.ts";

/** @returns the BillDocument */
export async function writeBill(
  sql: Sql,
  blocks: Blocks,
  { job, receipts }: Pick<BillDocument, "job" | "receipts">,
): Promise<Cid> {
  const { envelope } = assertDefined(await findJob(sql, job), "an escrow is of a job");
  await blocks.put(envelope, "dagCbor");
  for await (const { receipt, unit } of countedReceipts(sql, job)) {
    await blocks.put(receipt, "dagCbor");
    await blocks.put(unit, "dagCbor");
  }
  const document: BillDocument = { kind: "pingo/bill/v1", job, receipts };
  return writeFile(blocks, new TextEncoder().encode(`${JSON.stringify(document)}\n`));
}
