/** Rounds, as rows: the committed versions of a job's weights, 0 being the start. */
import type { Cid, Measured } from "@pingo/core";
import { and, asc, desc, eq } from "drizzle-orm";
import { type RoundRow, rounds, type Sql } from "./schema.ts";

export async function insertRound(sql: Sql, round: typeof rounds.$inferInsert): Promise<void> {
  await sql.insert(rounds).values(round);
}

export async function latestRound(sql: Sql, job: Cid): Promise<RoundRow | undefined> {
  const [row] = await sql
    .select()
    .from(rounds)
    .where(eq(rounds.job, job))
    .orderBy(desc(rounds.version))
    .limit(1);
  return row;
}

export async function listRounds(sql: Sql, job: Cid): Promise<RoundRow[]> {
  return sql.select().from(rounds).where(eq(rounds.job, job)).orderBy(asc(rounds.version));
}

/** Of the mean of the rounds where there is one; `raw` is then of the round's own weights. */
export interface Evaluated extends Measured {
  readonly raw?: Measured;
}

export async function setEvaluation(
  sql: Sql,
  at: { readonly job: Cid; readonly version: number },
  { loss: evaluatedLoss, accuracy: evaluatedAccuracy, raw }: Evaluated,
): Promise<void> {
  const rawLoss = raw?.loss ?? null;
  const rawAccuracy = raw?.accuracy ?? null;
  await sql
    .update(rounds)
    .set({ evaluatedLoss, evaluatedAccuracy, rawLoss, rawAccuracy })
    .where(and(eq(rounds.job, at.job), eq(rounds.version, at.version)));
}
