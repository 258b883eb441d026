/**
 * What a stranger needs to check a job's results, as blocks: each receipt, and where there is a statement about it, that and the unit that it answers.
 * The inputs that units name are blocks already.
 */
import type { Cid } from "@pingo/core";
import type { Blocks } from "@pingo/storage";
import type { Sql } from "../database/schema.ts";
import { type CountedResult, listUnitBlocks } from "../database/work-store.ts";

export async function writeEvidence(
  sql: Sql,
  blocks: Blocks,
  job: Cid,
  counted: readonly CountedResult[],
): Promise<void> {
  for (const { receipt } of counted) await blocks.put(receipt, "dagCbor");
  const stated = counted.filter(({ statement }) => statement !== null);
  for (const { statement } of stated) if (statement !== null) await blocks.put(statement, "dagCbor");
  for (const [round, results] of Map.groupBy(stated, ({ round }) => round)) {
    const units = await listUnitBlocks(sql, job, round);
    for (const { index } of results) {
      const unit = units[index];
      if (unit !== undefined) await blocks.put(unit, "dagCbor");
    }
  }
}
