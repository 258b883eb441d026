/** Results that did not come out again when this station did the work, as rows. */
import { refutations, type Sql } from "./schema.ts";

export async function saveRefutation(sql: Sql, row: typeof refutations.$inferInsert): Promise<void> {
  await sql.insert(refutations).values(row).onConflictDoNothing();
}
