/** What the chain said of stakes, as rows. */
import { type Sql, type StakeRow, stakes } from "../database/schema.ts";

export async function listStakes(sql: Sql): Promise<readonly StakeRow[]> {
  return sql.select().from(stakes);
}

export async function saveStake(sql: Sql, row: StakeRow): Promise<void> {
  const { isValid, checkedUnixMs } = row;
  await sql
    .insert(stakes)
    .values(row)
    .onConflictDoUpdate({ target: stakes.node, set: { isValid, checkedUnixMs } });
}
