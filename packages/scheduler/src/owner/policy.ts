/** The owner's policy, in our units: when this computer may work for others, and how much of it. */
import type { OwnerSize } from "./size.ts";

export interface OwnerPolicy {
  readonly profile: ProfileName;
  /** Without input for this long, the computer is not in use. */
  readonly idleAfterMs: number;
  readonly inUse: OwnerLimits;
  readonly idle: OwnerLimits;
  /** A load that is over sooner than this changes nothing. 0 yields at once. */
  readonly graceMs: number;
  /** Load must have been lower for this long before a core is lent again; doubles when that came too early. */
  readonly calmMs: Span;
  /** Suspended for this long, the work goes to another computer and its memory is given back. */
  readonly vacateAfterMs: number;
  /** When to work; empty is always. */
  readonly windows: readonly WeekWindow[];
  /** When power is cheap; empty knows no tariff. Outside, the limits are multiplied by `dearShare`. */
  readonly tariff: { readonly cheap: readonly WeekWindow[]; readonly dearShare: number };
  readonly battery: { readonly isAllowed: boolean; readonly chargeMin: number };
  readonly temperature: { readonly stopCelsius: number; readonly resumeCelsius: number };
  readonly onFullScreen: "ignore" | "suspend";
  /** While one of these programs runs, we do not. */
  readonly applications: readonly string[];
  /** What a metered network means: carry on, or no transfers. */
  readonly onMetered: "ignore" | "no-transfers";
  /** How long before the computer is taken back its fog node is told; 0 for one that anybody may sit down at. */
  readonly reclaimNoticeMs: number;
  /** At most this much is lent, idle or not. */
  readonly size: OwnerSize;
  /** What an hour of a core costs whoever uses it. */
  readonly priceNanoPerCpuHour: bigint;
}

export type ProfileName = "gentle" | "balanced" | "dedicated";

export interface OwnerLimits {
  /** Of the machine's cores. */
  readonly coreShareMax: number;
  /** Of the machine's memory. */
  readonly memoryShareMax: number;
  /** Load of the owner's that costs no core: every desktop has some, and our work runs only where nothing else would. */
  readonly toleratedMillicores: number;
}

export interface Span {
  readonly min: number;
  readonly max: number;
}

/** From `fromMinute` on `weekday` (0 is Monday) until `toMinute`, of the next day where it is not later. */
export interface WeekWindow {
  readonly weekday: number;
  readonly fromMinute: number;
  readonly toMinute: number;
}
