/** A change of a job's row, and what follows from it in the books. */
import { postRefund } from "../books/journal.ts";
import { updateJob } from "../database/job-store.ts";
import type { JobRow, Sql } from "../database/schema.ts";

/** In the caller's transaction. A job that ends gives back what nobody earned. */
export async function writeChange(
  sql: Sql,
  { id, owner }: Pick<JobRow, "id" | "owner">,
  change: Partial<Omit<JobRow, "id" | "ordinal">>,
): Promise<void> {
  await updateJob(sql, id, change);
  if (typeof change.finishedUnixMs === "number") await postRefund(sql, id, owner, change.finishedUnixMs);
}
