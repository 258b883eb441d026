/**
 * What the agent sees of the computer at one moment. A signal that the system does not give is null, never a guess:
 * what it would decide then does not apply, and `pingo doctor` names it.
 */
export interface OwnerSignals {
  /** Never jumps: grace and hysteresis count in it. */
  readonly monotonicMs: number;
  /** For pauses and sentences. */
  readonly nowUnixMs: number;
  /** By the owner's wall clock. */
  readonly local: LocalTime;
  /** Since the last key, pointer or touch of anybody at this computer; Infinity where nobody is logged in. */
  readonly inputIdleMs: number | null;
  /** All cores that we may see. */
  readonly machineMillicores: number;
  /** What everything but PinGo uses now: its own load is taken off. */
  readonly foreignMillicores: number | null;
  /** What no program uses. */
  readonly idleMillicores: number | null;
  /** Share of the last moment in which a program that is not ours waited for a core. */
  readonly cpuStallShare: number | null;
  readonly memoryTotalBytes: number;
  /** What could be handed out without swapping, our own not counted as free. */
  readonly memoryAvailableBytes: number;
  readonly ownMemoryBytes: number;
  /** Share of the last ten seconds in which everything waited for memory. */
  readonly memoryStallShare: number | null;
  readonly battery: Battery | null;
  /** The hottest sensor of the processor. */
  readonly temperatureCelsius: number | null;
  readonly isFullScreen: boolean | null;
  /** Names of running programs, as the policy may list them. */
  readonly applications: ReadonlySet<string> | null;
  readonly isMetered: boolean | null;
  /** The system is about to sleep, shut down or take the computer back. */
  readonly isReclaimed: boolean;
}

export interface LocalTime {
  /** 0 is Monday. */
  readonly weekday: number;
  /** 0 ≤ minute < 1440 */
  readonly minute: number;
}

export interface Battery {
  readonly isCharging: boolean;
  /** 0 to 1; null where the battery does not tell. */
  readonly charge: number | null;
}

/** What the owner said by command, over the policy. */
export type OwnerWish =
  | { readonly kind: "none" }
  | {
      readonly kind: "paused";
      readonly untilUnixMs: number;
      /** What was asked for: a clock that is set back does not make it longer. */
      readonly forMs?: number | undefined;
    }
  /** Finish what runs, take nothing new. */
  | { readonly kind: "finishing" };
