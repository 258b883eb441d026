/** What a round is, what happens to it, and what it asks for; round.ts says how the one leads to the other. */
import { assert, type Cid, type LeaseId, type NodeId } from "@pingo/core";

export interface RoundRules {
  readonly retryMax: number;
  /** Units that make a round worth committing. */
  readonly quorum: number;
  /** It waits for each unit until that is delivered or given up, and has no grace window. */
  readonly waitsForAll: boolean;
  /** Grace window as a share of the time that the quorum took, and its lower bound. */
  readonly graceShare: number;
  readonly graceMsMin: number;
  /** However many heartbeats come, a lease ends after this long without a result. */
  readonly leaseMsMax: number;
}

export interface Delivery {
  /** UnixFS file: the flat f32 update. */
  readonly update: Cid;
  readonly steps: number;
  readonly rows: number;
  readonly lossMean: number;
}

export interface CountedDelivery extends Delivery {
  readonly unit: number;
  readonly attempt: number;
  readonly lease: LeaseId;
  readonly provider: NodeId;
}

/** Released: the provider's owner took the computer back. */
export type LossCause = "expired" | "disconnected" | "released" | "fault";

/** `atMs` is of any clock that does not go back. Leases that ran out by then are lost before the event applies. */
export type RoundEvent = { readonly atMs: number } & (
  | {
      readonly type: "leased";
      readonly unit: number;
      readonly lease: LeaseId;
      readonly provider: NodeId;
      readonly untilMs: number;
    }
  | { readonly type: "heartbeat"; readonly lease: LeaseId; readonly untilMs: number }
  | { readonly type: "lost"; readonly lease: LeaseId; readonly cause: LossCause; readonly reason: string }
  | {
      readonly type: "delivered";
      readonly lease: LeaseId;
      readonly provider: NodeId;
      readonly delivery: Delivery;
    }
  | { readonly type: "stopped" }
  | { readonly type: "tick" }
);

export type RoundAction =
  | {
      readonly type: "lost";
      readonly unit: number;
      readonly attempt: number;
      readonly lease: LeaseId;
      readonly provider: NodeId;
      readonly cause: LossCause;
      readonly reason: string;
    }
  /** The provider works in vain. */
  | { readonly type: "revoke"; readonly lease: LeaseId; readonly provider: NodeId; readonly reason: string }
  /** Answers a delivery: acknowledge it; `isNew` is false for a repeat of one answered before. */
  | {
      readonly type: "acknowledge";
      readonly unit: number;
      readonly lease: LeaseId;
      readonly provider: NodeId;
      readonly counted: boolean;
      readonly isNew: boolean;
    }
  /** Answers a delivery from a stranger: nobody was granted this lease, or somebody else was. */
  | { readonly type: "refuse"; readonly lease: LeaseId; readonly provider: NodeId }
  /** Units without a delivery were given up, or came too late. */
  | { readonly type: "commit"; readonly deliveries: readonly CountedDelivery[] }
  | { readonly type: "fail"; readonly unit: number; readonly attempts: number; readonly reason: string };

export interface UnitState {
  readonly state: "pending" | "leased" | "delivered" | "abandoned";
  readonly attempts: number;
  /** Attempts that were somebody's failure: those that an owner cut off by coming back are nobody's. */
  readonly failures: number;
  /** Held now, or delivered by. */
  readonly lease: LeaseId | null;
  /** Providers that failed at this unit. */
  readonly excluded: readonly NodeId[];
  readonly lastReason: string;
}

export interface LeaseState {
  readonly unit: number;
  readonly attempt: number;
  readonly provider: NodeId;
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly state: "held" | "lost" | "revoked" | "counted" | "late";
  readonly delivery: Delivery | null;
}

export interface RoundState {
  readonly rules: RoundRules;
  readonly phase: "open" | "committed" | "failed" | "stopped";
  readonly startedAtMs: number;
  readonly nowMs: number;
  /** End of the grace window, once there is a quorum. */
  readonly closesAtMs: number | null;
  readonly units: readonly UnitState[];
  readonly leases: ReadonlyMap<LeaseId, LeaseState>;
}

const QUORUM_SHARE = 0.6;
const GRACE_SHARE = 1;
const GRACE_MS_MIN = 2_000;
const LEASE_DEADLINES = 3;
const LEASE_GRACE_MS = 300_000;
/** Of a unit; a provider that takes and gives back for ever must not keep a job for ever. */
export const RELEASES_MAX = 32;

/** @param deadlineMs  of a unit's run; a slow line and a slow disk may take as long again, and more */
export function roundRules(options: {
  readonly units: number;
  readonly retryMax: number;
  readonly deadlineMs: number;
  /** Each of its units is wanted for itself. */
  readonly isWhole?: boolean;
}): RoundRules {
  return {
    retryMax: options.retryMax,
    quorum: options.isWhole ? 1 : Math.ceil(options.units * QUORUM_SHARE),
    waitsForAll: options.isWhole === true,
    graceShare: GRACE_SHARE,
    graceMsMin: GRACE_MS_MIN,
    leaseMsMax: LEASE_DEADLINES * options.deadlineMs + LEASE_GRACE_MS,
  };
}

export function openRound(options: {
  readonly units: number;
  readonly rules: RoundRules;
  readonly atMs: number;
}): RoundState {
  const { units, rules, atMs } = options;
  assert(rules.quorum >= 1 && rules.quorum <= units, `a quorum of ${rules.quorum} of ${units} units`);
  const unit: UnitState = {
    ...{ state: "pending", attempts: 0, failures: 0 },
    ...{ lease: null, excluded: [], lastReason: "" },
  };
  return {
    rules,
    phase: "open",
    startedAtMs: atMs,
    nowMs: atMs,
    closesAtMs: null,
    units: Array.from({ length: units }, () => unit),
    leases: new Map(),
  };
}

/**
 * Units that want a provider, the often tried first.
 *
 * @param connected  exclusion is dropped where it would leave none of these: retryMax still ends the tries
 */
export function waitingUnits(
  state: RoundState,
  connected: ReadonlySet<NodeId>,
): readonly { readonly unit: number; readonly attempt: number; readonly excluded: readonly NodeId[] }[] {
  if (state.phase !== "open") return [];
  return state.units
    .flatMap(({ state: unitState, attempts, excluded }, unit) => {
      if (unitState !== "pending") return [];
      const others = [...connected].some((provider) => !excluded.includes(provider));
      return [{ unit, attempt: attempts + 1, excluded: others ? excluded : [] }];
    })
    .sort((a, b) => b.attempt - a.attempt || a.unit - b.unit);
}

/** Whether a provider that holds this lease should go on. */
export function isLeaseHeld(state: RoundState, lease: LeaseId): boolean {
  return state.leases.get(lease)?.state === "held";
}

/** When a tick would next change something; null when only other events can. */
export function nextTickMs(state: RoundState): number | null {
  if (state.phase !== "open") return null;
  const due = [...state.leases.values()]
    .filter((lease) => lease.state === "held")
    .map(({ untilMs }) => untilMs);
  if (state.closesAtMs !== null) due.push(state.closesAtMs);
  return due.length === 0 ? null : Math.min(...due);
}

/** What a round did, for its event and its record; the loss is the row-weighted mean. */
export function summaryOf(deliveries: readonly Delivery[]): {
  readonly steps: number;
  readonly rows: number;
  readonly loss: number;
} {
  const steps = deliveries.reduce((sum, delivery) => sum + delivery.steps, 0);
  const rows = deliveries.reduce((sum, delivery) => sum + delivery.rows, 0);
  const loss = deliveries.reduce((sum, delivery) => sum + delivery.lossMean * delivery.rows, 0) / rows;
  return { steps, rows, loss };
}
