/**
 * The state of one round, as a pure reducer: events in, actions out. A fog node drives it with real leases,
 * a simulator with made-up ones; the same events always give the same state.
 *
 * A unit is pending, leased, delivered, or abandoned after `retryMax` + 1 attempts that failed; one that an owner cut off by
 * coming back did not. A unit is a pure function,
 * so the first result of any lease that was ever granted for it counts, even after the lease ran out; every
 * later one is acknowledged and not counted. When a quorum of units is delivered the others have a grace
 * window; then the round commits with what it has; a round that waits for all has none, and commits with what was delivered
 * once all the others were given up. Without providers a pending unit waits: that is no failure.
 */
import { assert, assertDefined, assertNever, type LeaseId } from "@pingo/core";
import {
  type LeaseState,
  type LossCause,
  RELEASES_MAX,
  type RoundAction,
  type RoundEvent,
  type RoundState,
  type UnitState,
} from "./round-state.ts";

export interface Reduced {
  readonly state: RoundState;
  readonly actions: readonly RoundAction[];
}

export function reduceRound(before: RoundState, event: RoundEvent): Reduced {
  const draft = draftOf(before, event.atMs);
  loseExpired(draft);
  // A window that ended before this event ended the round before it.
  settle(draft);
  apply(draft, event);
  settle(draft);
  return { state: stateOf(draft), actions: draft.actions };
}

/** A state while one event is applied to it. */
interface Draft extends Omit<RoundState, "units" | "leases"> {
  phase: RoundState["phase"];
  closesAtMs: number | null;
  readonly units: UnitState[];
  readonly leases: Map<LeaseId, LeaseState>;
  readonly actions: RoundAction[];
}

function draftOf(state: RoundState, atMs: number): Draft {
  return {
    ...state,
    nowMs: Math.max(state.nowMs, atMs),
    units: [...state.units],
    leases: new Map(state.leases),
    actions: [],
  };
}

function stateOf({ actions: _, ...state }: Draft): RoundState {
  return state;
}

function apply(draft: Draft, event: RoundEvent): void {
  switch (event.type) {
    case "leased":
      grant(draft, event);
      return;
    case "heartbeat": {
      const lease = draft.leases.get(event.lease);
      if (lease?.state !== "held") return;
      const lastMs = lease.sinceMs + draft.rules.leaseMsMax;
      const untilMs = Math.max(lease.untilMs, Math.min(event.untilMs, lastMs));
      draft.leases.set(event.lease, { ...lease, untilMs });
      return;
    }
    case "lost":
      lose(draft, event.lease, event.cause, event.reason);
      return;
    case "delivered":
      deliver(draft, event);
      return;
    case "stopped":
      if (draft.phase === "open") end(draft, "stopped", "the job was stopped");
      return;
    case "tick":
      return;
    default:
      assertNever(event, "unknown round event");
  }
}

function grant(draft: Draft, event: Extract<RoundEvent, { type: "leased" }>): void {
  const { lease, provider, untilMs } = event;
  assert(!draft.leases.has(lease), `lease ${lease} was granted before`);
  const unit = unitAt(draft, event.unit);
  const isWanted = draft.phase === "open" && unit.state === "pending" && untilMs > draft.nowMs;
  const attempt = unit.attempts + (isWanted ? 1 : 0);
  const state = isWanted ? "held" : "revoked";
  const sinceMs = draft.nowMs;
  draft.leases.set(lease, { unit: event.unit, attempt, provider, sinceMs, untilMs, state, delivery: null });
  if (isWanted) {
    draft.units[event.unit] = { ...unit, state: "leased", attempts: attempt, lease };
  } else {
    draft.actions.push({ type: "revoke", lease, provider, reason: "the unit needs no provider any more" });
  }
}

function loseExpired(draft: Draft): void {
  const expired = [...draft.leases]
    .filter(([, lease]) => lease.state === "held" && lease.untilMs <= draft.nowMs)
    .sort(([a, left], [b, right]) => left.untilMs - right.untilMs || (a < b ? -1 : 1));
  for (const [id, { sinceMs, untilMs }] of expired) {
    const isStuck = untilMs - sinceMs >= draft.rules.leaseMsMax;
    if (isStuck) lose(draft, id, "fault", `no result came in ${Math.round((untilMs - sinceMs) / 1_000)} s`);
    else lose(draft, id, "expired", "no heartbeat came before the lease ran out");
  }
}

function lose(draft: Draft, id: LeaseId, cause: LossCause, reason: string): void {
  const lease = draft.leases.get(id);
  if (lease?.state !== "held") return;
  const { unit: index, attempt, provider } = lease;
  draft.leases.set(id, { ...lease, state: "lost" });
  const unit = unitAt(draft, index);
  const excluded = cause === "fault" ? [...new Set([...unit.excluded, provider])] : unit.excluded;
  const releases = unit.attempts - unit.failures;
  const failures = unit.failures + (cause === "released" && releases <= RELEASES_MAX ? 0 : 1);
  const state = failures > draft.rules.retryMax ? "abandoned" : "pending";
  draft.units[index] = { ...unit, state, failures, lease: null, excluded, lastReason: reason };
  draft.actions.push({ type: "lost", unit: index, attempt, lease: id, provider, cause, reason });
}

function deliver(draft: Draft, event: Extract<RoundEvent, { type: "delivered" }>): void {
  const { lease: id, provider, delivery } = event;
  const lease = draft.leases.get(id);
  if (lease?.provider !== provider) {
    draft.actions.push({ type: "refuse", lease: id, provider });
    return;
  }
  const answer = { type: "acknowledge", unit: lease.unit, lease: id, provider } as const;
  if (lease.state === "counted" || lease.state === "late") {
    draft.actions.push({ ...answer, counted: lease.state === "counted", isNew: false });
    return;
  }
  const unit = unitAt(draft, lease.unit);
  if (draft.phase !== "open" || unit.state === "delivered") {
    draft.leases.set(id, { ...lease, state: "late", delivery });
    draft.actions.push({ ...answer, counted: false, isNew: true });
    return;
  }
  if (unit.lease !== null && unit.lease !== id) {
    revoke(draft, unit.lease, "an earlier provider of the unit delivered after all");
  }
  draft.leases.set(id, { ...lease, state: "counted", delivery });
  draft.units[lease.unit] = { ...unit, state: "delivered", lease: id };
  draft.actions.push({ ...answer, counted: true, isNew: true });
}

/** Ends the round when it can be ended. */
function settle(draft: Draft): void {
  if (draft.phase !== "open") return;
  const { quorum, waitsForAll, graceShare, graceMsMin } = draft.rules;
  const delivered = draft.units.filter(({ state }) => state === "delivered").length;
  const abandoned = draft.units.filter(({ state }) => state === "abandoned").length;
  if (draft.units.length - abandoned < quorum) fail(draft);
  if (draft.phase !== "open" || delivered < quorum) return;
  if (waitsForAll) {
    if (delivered + abandoned === draft.units.length) commit(draft);
    return;
  }
  if (draft.closesAtMs === null) {
    const tookMs = draft.nowMs - draft.startedAtMs;
    draft.closesAtMs = draft.nowMs + Math.max(graceMsMin, graceShare * tookMs);
  }
  if (delivered + abandoned === draft.units.length || draft.nowMs >= draft.closesAtMs) commit(draft);
}

function commit(draft: Draft): void {
  const deliveries = draft.units.flatMap(({ state, lease: id }, unit) => {
    if (state !== "delivered") return [];
    const lease = assertDefined(id && draft.leases.get(id), `unit ${unit} was delivered by a lease`);
    const delivery = assertDefined(lease.delivery, `lease ${id} delivered`);
    const { attempt, provider } = lease;
    return [{ ...delivery, unit, attempt, lease: assertDefined(id, "a lease has an id"), provider }];
  });
  draft.actions.push({ type: "commit", deliveries });
  end(draft, "committed", "the round is committed");
}

function fail(draft: Draft): void {
  const unit = draft.units.findIndex(({ state }) => state === "abandoned");
  const { attempts, lastReason } = unitAt(draft, unit);
  draft.actions.push({ type: "fail", unit, attempts, reason: lastReason });
  end(draft, "failed", "the round failed");
}

function end(draft: Draft, phase: RoundState["phase"], reason: string): void {
  draft.phase = phase;
  for (const [id, lease] of draft.leases) if (lease.state === "held") revoke(draft, id, reason);
}

function revoke(draft: Draft, id: LeaseId, reason: string): void {
  const lease = assertDefined(draft.leases.get(id), `lease ${id} is known`);
  draft.leases.set(id, { ...lease, state: "revoked" });
  const unit = unitAt(draft, lease.unit);
  draft.units[lease.unit] = { ...unit, state: "pending", lease: null };
  draft.actions.push({ type: "revoke", lease: id, provider: lease.provider, reason });
}

function unitAt(draft: Draft, index: number): UnitState {
  return assertDefined(draft.units[index], `the round has no unit ${index}`);
}
