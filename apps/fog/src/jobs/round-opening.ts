/** Opens a round: plans and writes down its units, or takes up the one that was open when the station ended. */
import type { JobId, NumberedEvent, WorkUnit } from "@pingo/core";
import { openRound, type RoundAction, type RoundState, roundRules } from "@pingo/training";
import { appendEvent } from "../database/event-store.ts";
import type { Sql } from "../database/schema.ts";
import { insertUnits, listCounted, listLeases, listUnits } from "../database/work-store.ts";
import { replayRound } from "./replay.ts";

export interface Round {
  readonly number: number;
  readonly units: readonly WorkUnit[];
  state: RoundState;
}

export interface RoundToOpen {
  readonly job: JobId;
  readonly number: number;
  readonly retryMax: number;
  readonly isWhole: boolean;
  readonly atMs: number;
  readonly atUnixMs: number;
  /** How long providers may take to come back for the leases they hold. */
  readonly returnMs: number;
  readonly plan: (number: number) => readonly WorkUnit[];
}

export interface OpenedRound {
  readonly round: Round;
  /** Still to be carried out. */
  readonly actions: readonly RoundAction[];
  readonly written: readonly NumberedEvent[];
}

export async function openOrReplay(sql: Sql, opening: RoundToOpen): Promise<OpenedRound> {
  const { job, number, retryMax, isWhole, atMs, atUnixMs, returnMs } = opening;
  const kept = await listUnits(sql, job, number);
  if (kept.length > 0) {
    const leases = await listLeases(sql, job, number);
    const counted = await listCounted(sql, job, number);
    const rows = { units: kept.length, retryMax, isWhole, deadlineMs: deadlineOf(kept), leases, counted };
    const { state, actions } = replayRound(rows, atMs, atMs + returnMs);
    return { round: { number, units: kept, state }, actions, written: [] };
  }
  const units = opening.plan(number);
  const steps = units.reduce((sum, unit) => sum + unit.steps, 0);
  const written = await sql.transaction(async (tx) => {
    await insertUnits(tx, units);
    return appendEvent(tx, job, atUnixMs, {
      type: "round-started",
      round: number,
      units: units.length,
      steps,
    });
  });
  const rules = roundRules({ units: units.length, retryMax, isWhole, deadlineMs: deadlineOf(units) });
  const state = openRound({ units: units.length, rules, atMs });
  return { round: { number, units, state }, actions: [], written: [written] };
}

function deadlineOf(units: readonly WorkUnit[]): number {
  return Math.max(...units.map(({ deadlineMs }) => deadlineMs));
}
