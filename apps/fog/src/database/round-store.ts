/** Rounds, as rows: the committed versions of a job's weights, 0 being the start. */
import type { Cid } from "@pingo/core";
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

export async function setEvaluation(
  sql: Sql,
  at: { readonly job: Cid; readonly version: number },
  evaluation: { readonly loss: number; readonly accuracy: number | null },
): Promise<void> {
  await sql
    .update(rounds)
    .set({ evaluatedLoss: evaluation.loss, evaluatedAccuracy: evaluation.accuracy })
    .where(and(eq(rounds.job, at.job), eq(rounds.version, at.version)));
}
