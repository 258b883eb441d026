/** Events, as rows: numbered 1, 2, 3 … within their job. */
import type { Cid, JobEvent, NumberedEvent } from "@pingo/core";
import { and, asc, eq, gt, sql as raw } from "drizzle-orm";
import { events, type Sql } from "./schema.ts";

/** One page of a replay. */
export const EVENTS_PAGE_MAX = 256;

/**
 * Appends in the caller's transaction. Two writers of one job would collide on the key and the later fails:
 * the events of one job are written one after the other.
 */
export async function appendEvent(
  sql: Sql,
  job: Cid,
  atUnixMs: number,
  event: JobEvent,
): Promise<NumberedEvent> {
  const next = raw<number>`(select coalesce(max(sequence), 0) + 1 from events where job = ${job})`;
  const [row] = await sql
    .insert(events)
    .values({ job, sequence: next, atUnixMs, event })
    .returning({ sequence: events.sequence });
  return { sequence: row?.sequence ?? null, atUnixMs, event };
}

/** The last word on each unit that a provider lost, by the unit's index. */
export async function lastLosses(sql: Sql, job: Cid, round: number): Promise<ReadonlyMap<number, string>> {
  const rows = await sql
    .select({ event: events.event })
    .from(events)
    .where(and(eq(events.job, job), raw`${events.event}->>'type' = 'lost'`))
    .orderBy(asc(events.sequence));
  return new Map(
    rows.flatMap(({ event }) =>
      event.type === "lost" && event.round === round ? [[event.unit, event.reason] as const] : [],
    ),
  );
}

export async function listEvents(sql: Sql, job: Cid, afterSequence: number): Promise<NumberedEvent[]> {
  const rows = await sql
    .select()
    .from(events)
    .where(and(eq(events.job, job), gt(events.sequence, afterSequence)))
    .orderBy(asc(events.sequence))
    .limit(EVENTS_PAGE_MAX);
  return rows.map(({ sequence, atUnixMs, event }) => ({ sequence, atUnixMs, event }));
}
