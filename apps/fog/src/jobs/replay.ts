/** The state of a round that this station had begun before it was stopped or killed, from its rows. */
import {
  type LossCause,
  openRound,
  type RoundAction,
  type RoundEvent,
  type RoundState,
  reduceRound,
  roundRules,
} from "@pingo/training";
import type { LeaseRow, ResultRow } from "../database/schema.ts";

/** States of a lease that was lost, and what that does to its unit. */
const CAUSE_BY_KEPT: { readonly [K in LeaseRow["state"]]?: LossCause } = {
  lost: "expired",
  faulted: "fault",
  released: "released",
};

export interface RoundRecordRows {
  readonly units: number;
  readonly retryMax: number;
  readonly isWhole: boolean;
  readonly deadlineMs: number;
  /** In the order they were granted. */
  readonly leases: readonly LeaseRow[];
  readonly counted: readonly ResultRow[];
}

/**
 * @param untilMs until when providers may come back for the leases they hold
 * @returns the state and what is still to be done: a round whose last result came just before the end commits
 */
export function replayRound(
  rows: RoundRecordRows,
  atMs: number,
  untilMs: number,
): { readonly state: RoundState; readonly actions: readonly RoundAction[] } {
  const { units, retryMax, isWhole, deadlineMs } = rows;
  const planned = roundRules({ units, retryMax, isWhole, deadlineMs });
  // Those who still work when the others are done have to find the way back first.
  const rules = { ...planned, graceMsMin: Math.max(planned.graceMsMin, untilMs - atMs) };
  let state = openRound({ units: rows.units, rules, atMs });
  const actions: RoundAction[] = [];
  const apply = (event: RoundEvent): void => {
    const reduced = reduceRound(state, event);
    state = reduced.state;
    actions.push(...reduced.actions);
  };
  const lastByUnit = new Map(rows.leases.map((lease) => [lease.index, lease.id]));
  for (const { id: lease, index: unit, provider, state: kept } of rows.leases) {
    apply({ type: "leased", atMs, unit, lease, provider, untilMs });
    // A unit is leased again only once the lease before was lost.
    if (kept in CAUSE_BY_KEPT || lastByUnit.get(unit) !== lease) {
      const cause = CAUSE_BY_KEPT[kept] ?? "expired";
      apply({ type: "lost", atMs, lease, cause, reason: "it was lost before the station restarted" });
    }
  }
  for (const { lease, provider, update, steps, rows: count, loss } of rows.counted) {
    const delivery = { update, steps, rows: count, lossMean: loss };
    apply({ type: "delivered", atMs, lease, provider, delivery });
  }
  // What was lost and acknowledged then, was also recorded and told then.
  const isStillDue = ({ type }: RoundAction): boolean =>
    type === "commit" || type === "fail" || type === "revoke";
  return { state, actions: actions.filter(isStillDue) };
}
