/**
 * How many cores are lent beside the owner's load: down at once after the grace, up core by core after a calm.
 *
 * The calm doubles each time a core had to be taken back soon after it was lent, and halves each time one could stay:
 * short gaps of a quiet evening are used, a build that breathes every second is left alone.
 */
import type { OwnerReason } from "./owner-reasons.ts";
import type { OwnerLimits, Span } from "./policy.ts";
import type { OwnerSignals } from "./signals.ts";

/** What the next call needs to know. */
export interface Lent {
  readonly cores: number;
  /** Since when the owner's load wants a core that is lent. */
  readonly pressedSinceMs: number | null;
  /** Since when there is room for one more. */
  readonly roomSinceMs: number | null;
  /** How long room must last; null before the first call. */
  readonly calmMs: number | null;
  /** When the last core was lent. */
  readonly raisedAtMs: number | null;
  /** Since when no core was taken back, or since the calm was last shortened. */
  readonly quietSinceMs: number | null;
}

export const NOTHING_LENT: Lent = {
  cores: 0,
  pressedSinceMs: null,
  roomSinceMs: null,
  calmMs: null,
  raisedAtMs: null,
  quietSinceMs: null,
};

/** A core that had to be taken back within this many calms was lent too early; as much quiet shortens the calm. */
const PROOF_CALMS = 4;
/** Of the computer: less than this is no idle time. */
const IDLE_SHARE_MIN = 0.05;
/** Programs of the owner's wait for each other too; more than this is not chance. */
const STALL_SHARE_MAX = 0.1;
/** How long a core that was taken back needs until it shows. */
const CONTENTION_MS = 500;
/** Less of a core is not worth waking for. */
const DUTY_MIN = 0.05;

interface Terms {
  readonly limits: OwnerLimits;
  /** 0 where nothing may run. */
  readonly capMillicores: number;
  readonly graceMs: number;
  readonly calmMs: Span;
}

export interface Lending {
  readonly lent: Lent;
  /** The share of the time that each lent core may work. */
  readonly duty: number;
  readonly reasons: readonly OwnerReason[];
}

export function lendCores(signals: OwnerSignals, terms: Terms, before: Lent): Lending {
  const { monotonicMs: now, foreignMillicores: foreign } = signals;
  const capCores = Math.ceil(terms.capMillicores / 1_000);
  const room = roomCores(signals, terms.limits);
  const calmMs = Math.min(Math.max(before.calmMs ?? terms.calmMs.min, terms.calmMs.min), terms.calmMs.max);
  // A lower cap is the owner's own word, so nothing is waited for.
  const held = Math.min(before.cores, capCores);
  const isContended =
    held > 0 && now - (before.quietSinceMs ?? now) >= CONTENTION_MS && isInTheWay(signals, terms.limits);
  const target = Math.min(capCores, room, isContended ? held - 1 : capCores);
  const busy: readonly OwnerReason[] = [
    ...(isContended ? [{ code: "CONTENDED" as const, stallShare: signals.cpuStallShare ?? 0 }] : []),
    ...loadReasons(foreign, room < capCores),
  ];

  if (target < held) {
    const pressedSinceMs = before.pressedSinceMs ?? now;
    if (now - pressedSinceMs < terms.graceMs) {
      return lending({ ...before, cores: held, pressedSinceMs, roomSinceMs: null, calmMs }, terms, busy);
    }
    const wasEarly = before.raisedAtMs !== null && now - before.raisedAtMs < PROOF_CALMS * calmMs;
    const next = wasEarly ? Math.min(calmMs * 2, terms.calmMs.max) : calmMs;
    const lent = { ...NOTHING_LENT, cores: target, calmMs: next, quietSinceMs: now };
    return lending(lent, terms, busy);
  }

  const quietSinceMs = before.quietSinceMs ?? now;
  const isQuiet = now - quietSinceMs >= PROOF_CALMS * calmMs;
  const settled = {
    pressedSinceMs: null,
    raisedAtMs: before.raisedAtMs,
    calmMs: isQuiet ? Math.max(terms.calmMs.min, calmMs / 2) : calmMs,
    quietSinceMs: isQuiet ? now : quietSinceMs,
  };
  if (target === held) return lending({ ...settled, cores: held, roomSinceMs: null }, terms, busy);

  const roomSinceMs = before.roomSinceMs ?? now;
  const leftMs = roomSinceMs + settled.calmMs - now;
  if (leftMs > 0) {
    const waiting: OwnerReason = { code: "CALMING", leftMs };
    return lending({ ...settled, cores: held, roomSinceMs }, terms, [...busy, waiting]);
  }
  return lending({ ...settled, cores: held + 1, roomSinceMs: now, raisedAtMs: now }, terms, busy);
}

/**
 * The lowest priority does not hold everywhere: control groups share the cores before priorities do (a service's beside a
 * desktop's). So where the owner's programs are at work, wait, and no core is idle, it is ours that keep them waiting.
 */
function isInTheWay(
  { machineMillicores, foreignMillicores, idleMillicores, cpuStallShare }: OwnerSignals,
  { toleratedMillicores }: OwnerLimits,
): boolean {
  if (foreignMillicores === null || idleMillicores === null || cpuStallShare === null) return false;
  const isFull = idleMillicores < IDLE_SHARE_MIN * machineMillicores;
  return foreignMillicores > toleratedMillicores && isFull && cpuStallShare > STALL_SHARE_MAX;
}

function loadReasons(foreignMillicores: number | null, isBusy: boolean): readonly OwnerReason[] {
  if (foreignMillicores === null) return [{ code: "LOAD_UNKNOWN" }];
  return isBusy ? [{ code: "OWNER_BUSY", foreignMillicores }] : [];
}

/** Whole cores that the owner's work leaves; all where its load is not known, since ours runs at the lowest priority. */
function roomCores({ machineMillicores, foreignMillicores }: OwnerSignals, limits: OwnerLimits): number {
  if (foreignMillicores === null) return Math.ceil(machineMillicores / 1_000);
  const used = Math.max(0, foreignMillicores - limits.toleratedMillicores);
  const free = machineMillicores - used;
  // Without load of the owner's, a machine of 1.5 cores has room for two workers that share them.
  return used === 0 ? Math.ceil(free / 1_000) : Math.max(0, Math.floor(free / 1_000));
}

function lending(lent: Lent, { capMillicores }: Terms, reasons: readonly OwnerReason[]): Lending {
  const duty = lent.cores === 0 ? 0 : Math.min(1, capMillicores / (lent.cores * 1_000));
  if (duty >= DUTY_MIN || lent.cores === 0) return { lent, duty, reasons };
  return { lent: { ...lent, cores: 0 }, duty: 0, reasons };
}
