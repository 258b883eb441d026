/**
 * Decides what a computer lends at this moment: everything its owner does comes first.
 *
 * Pure: the same signals, policy and state give the same decision, in the agent, the simulator and the console.
 * Called many times a second; what it must remember is the state it returns.
 * Design: docs/ARCHITECTURE.md §5.
 */

import { type Lent, lendCores, NOTHING_LENT } from "./lend-cores.ts";
import type { OwnerReason } from "./owner-reasons.ts";
import type { OwnerLimits, OwnerPolicy, WeekWindow } from "./policy.ts";
import type { LocalTime, OwnerSignals, OwnerWish } from "./signals.ts";
import { MEMORY_LENT_BYTES_MIN, type OwnerSize } from "./size.ts";
import { isWithin } from "./week.ts";

export type Verdict =
  /** Run: all that the policy lends at best. `duty`: the share of the time that each core works. */
  | {
      readonly kind: "run" | "throttle";
      readonly cores: number;
      readonly duty: number;
      readonly memoryBytes: number;
    }
  /** Stand still, in memory. */
  | { readonly kind: "suspend" }
  /** Hand the work back, and the memory. */
  | { readonly kind: "vacate" };

export interface OwnerDecision {
  readonly verdict: Verdict;
  readonly acceptsWork: boolean;
  readonly allowsTransfers: boolean;
  /** The strongest first; never empty. */
  readonly reasons: readonly OwnerReason[];
  readonly state: OwnerState;
}

/** What one decision leaves for the next. */
export interface OwnerState {
  readonly lent: Lent;
  /** Until when heat that was told counts, though its sensor fell silent; null while it is not hot. */
  readonly hotUntilMs: number | null;
  /** The pause in force, and when it ends by a clock that nobody sets. */
  readonly pause: Pause | null;
  /** Since when nothing runs. */
  readonly stillSinceMs: number | null;
}

interface Pause {
  readonly untilUnixMs: number;
  readonly endsAtMs: number;
}

export const OWNER_STATE_AT_START: OwnerState = {
  lent: NOTHING_LENT,
  hotUntilMs: null,
  pause: null,
  stillSinceMs: null,
};

/** Left to the owner before anything is lent: what a desktop needs to open a program without swapping. */
export const MEMORY_RESERVE_SHARE = 0.1;
/** Beyond this the computer swaps: standing still would not help, only giving back does. */
export const MEMORY_STALL_SHARE_MAX = 0.1;
/** Sensors fall silent for a moment when a driver is loaded again; any processor at rest is cool by then. */
export const HOT_UNTOLD_MS = 10 * 60_000;

interface Stop {
  readonly reason: OwnerReason;
  /** Standing still in memory would help nobody. */
  readonly isLong: boolean;
}

export function decide(
  signals: OwnerSignals,
  policy: OwnerPolicy,
  wish: OwnerWish,
  state: OwnerState,
): OwnerDecision {
  const hotUntilMs = hotUntil(signals, policy, state);
  const pause = pauseOf(signals, wish, state);
  const stops = stopsOf(signals, policy, { pause, isHot: hotUntilMs !== null });
  const presence = presenceOf(signals, policy);
  const limits = presence.code === "IDLE" ? policy.idle : policy.inUse;
  const isDear = policy.tariff.cheap.length > 0 && !isInside(policy.tariff.cheap, signals.local);
  const share = limits.coreShareMax * (isDear ? policy.tariff.dearShare : 1);
  const memoryBytes = Math.min(
    memoryLent(signals, limits),
    policy.size.memoryBytes ?? Number.POSITIVE_INFINITY,
  );
  const isStalled = (signals.memoryStallShare ?? 0) > MEMORY_STALL_SHARE_MAX;
  const isShort = memoryBytes < MEMORY_LENT_BYTES_MIN || isStalled;
  const shareMillicores = share * signals.machineMillicores;
  const sizeMillicores = policy.size.millicores ?? Number.POSITIVE_INFINITY;
  const capMillicores = stops.length > 0 || isShort ? 0 : Math.min(shareMillicores, sizeMillicores);
  const { lent, duty, reasons: load } = lendCores(signals, { ...policy, limits, capMillicores }, state.lent);

  const isMetered = signals.isMetered === true && policy.onMetered === "no-transfers";
  const reasons: OwnerReason[] = [
    ...stops.map(({ reason }) => reason),
    ...(isShort ? [{ code: "MEMORY_SHORT" as const, wantedBytes: signals.ownMemoryBytes }] : []),
    ...(stops.length > 0 || isShort ? [] : load),
    ...(wish.kind === "finishing" ? [{ code: "FINISHING" as const }] : []),
    ...(isDear && policy.tariff.dearShare < 1 ? [{ code: "POWER_DEAR" as const }] : []),
    ...(isMetered ? [{ code: "METERED" as const }] : []),
    ...(sizeMillicores < shareMillicores ? [{ code: "SIZED" as const, millicores: sizeMillicores }] : []),
    presence,
  ];
  const isStill = lent.cores === 0;
  const stillSinceMs = isStill ? (state.stillSinceMs ?? signals.monotonicMs) : null;
  const next = { lent, hotUntilMs, pause, stillSinceMs };
  if (stillSinceMs !== null) {
    const forMs = signals.monotonicMs - stillSinceMs;
    const isOver = forMs >= policy.vacateAfterMs;
    const isVacated = isOver || isShort || stops.some(({ isLong }) => isLong);
    if (isOver) reasons.splice(1, 0, { code: "SUSPENDED_LONG", forMs });
    const verdict: Verdict = { kind: isVacated ? "vacate" : "suspend" };
    return { verdict, acceptsWork: false, allowsTransfers: !isMetered, reasons, state: next };
  }
  return {
    verdict: verdictOf({ cores: lent.cores, duty, memoryBytes }, signals, policy),
    acceptsWork: wish.kind !== "finishing" && !isMetered,
    allowsTransfers: !isMetered,
    reasons,
    state: next,
  };
}

/** Stopped at one temperature, it goes on only at a lower one. */
function hotUntil(
  { temperatureCelsius, monotonicMs }: OwnerSignals,
  { temperature }: OwnerPolicy,
  { hotUntilMs }: OwnerState,
): number | null {
  if (temperatureCelsius === null) return hotUntilMs !== null && monotonicMs < hotUntilMs ? hotUntilMs : null;
  const limit = hotUntilMs === null ? temperature.stopCelsius : temperature.resumeCelsius;
  return temperatureCelsius >= limit ? monotonicMs + HOT_UNTOLD_MS : null;
}

/** Over by the first of two clocks: the wall's goes on while the computer sleeps, and the other is never set back. */
function pauseOf(
  { monotonicMs, nowUnixMs }: OwnerSignals,
  wish: OwnerWish,
  { pause }: OwnerState,
): Pause | null {
  if (wish.kind !== "paused") return null;
  const { untilUnixMs, forMs = Number.POSITIVE_INFINITY } = wish;
  if (pause?.untilUnixMs === untilUnixMs) return pause;
  return { untilUnixMs, endsAtMs: monotonicMs + Math.min(forMs, untilUnixMs - nowUnixMs) };
}

/** Whatever forbids all work, the longest first. */
function stopsOf(
  signals: OwnerSignals,
  policy: OwnerPolicy,
  { pause, isHot }: { readonly pause: Pause | null; readonly isHot: boolean },
): Stop[] {
  const stops: Stop[] = [];
  const stop = (isLong: boolean, reason: OwnerReason) => stops.push({ reason, isLong });
  const { battery, temperatureCelsius, applications } = signals;
  if (signals.isReclaimed) stop(true, { code: "RECLAIMED" });
  const leftMs =
    pause === null
      ? 0
      : Math.min(pause.untilUnixMs - signals.nowUnixMs, pause.endsAtMs - signals.monotonicMs);
  if (leftMs > 0) stop(leftMs > policy.vacateAfterMs, { code: "PAUSED", leftMs });
  if (policy.windows.length > 0 && !isInside(policy.windows, signals.local)) {
    stop(true, { code: "OUTSIDE_WINDOWS" });
  }
  if (battery !== null && !battery.isCharging) {
    const { isAllowed, chargeMin } = policy.battery;
    if (!isAllowed) stop(false, { code: "ON_BATTERY" });
    else if (battery.charge === null || battery.charge < chargeMin) {
      stop(false, { code: "BATTERY_LOW", charge: battery.charge, chargeMin });
    }
  }
  if (isHot) {
    const { resumeCelsius } = policy.temperature;
    stop(false, { code: "TOO_HOT", celsius: temperatureCelsius, resumeCelsius });
  }
  if (signals.isFullScreen === true && policy.onFullScreen === "suspend")
    stop(false, { code: "FULL_SCREEN" });
  const running = policy.applications.find((name) => applications?.has(name));
  if (running !== undefined) stop(false, { code: "APPLICATION_RUNS", application: running });
  return stops;
}

type Presence = Extract<OwnerReason, { code: "IDLE" | "IN_USE" | "INPUT_UNKNOWN" }>;

function presenceOf({ inputIdleMs }: OwnerSignals, { idleAfterMs }: OwnerPolicy): Presence {
  if (idleAfterMs === 0) return { code: "IDLE" };
  if (inputIdleMs === null) return { code: "INPUT_UNKNOWN" };
  return inputIdleMs >= idleAfterMs ? { code: "IDLE" } : { code: "IN_USE", inputIdleMs };
}

function memoryLent(signals: OwnerSignals, { memoryShareMax }: OwnerLimits): number {
  const { memoryTotalBytes, memoryAvailableBytes, ownMemoryBytes } = signals;
  const free = memoryAvailableBytes + ownMemoryBytes - MEMORY_RESERVE_SHARE * memoryTotalBytes;
  return Math.max(0, Math.floor(Math.min(memoryShareMax * memoryTotalBytes, free)));
}

function verdictOf(
  lent: { readonly cores: number; readonly duty: number; readonly memoryBytes: number },
  { machineMillicores }: OwnerSignals,
  { idle, size }: { readonly idle: OwnerLimits; readonly size: OwnerSize },
): Verdict {
  const { cores, duty, memoryBytes } = lent;
  const mostMillicores = Math.min(
    idle.coreShareMax * machineMillicores,
    size.millicores ?? machineMillicores,
  );
  const isAll = cores * duty * 1_000 >= Math.floor(mostMillicores);
  return { kind: isAll ? "run" : "throttle", cores, duty, memoryBytes };
}

function isInside(windows: readonly WeekWindow[], local: LocalTime): boolean {
  return windows.some((window) => isWithin(window, local));
}
