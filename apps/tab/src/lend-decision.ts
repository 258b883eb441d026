/**
 * Whether this tab lends now, and why not: the owner of the browser comes first.
 *
 * Pure: the page gathers the signals, the worker acts. What a browser does not tell is said to be unknown, never guessed.
 */

export interface TabSignals {
  /** Another tab of the window is in front, or the window is minimized; a covered one, where browser and system tell. */
  readonly isHidden: boolean;
  /** Undefined where the browser does not tell. */
  readonly isOnBattery: boolean | undefined;
}

export interface TabPolicy {
  readonly isPaused: boolean;
  readonly stopsWhenHidden: boolean;
  readonly needsMains: boolean;
  /** Units side by side. */
  readonly cores: number;
}

export type TabReason = "LENDING" | "PAUSED" | "HIDDEN" | "ON_BATTERY" | "POWER_UNKNOWN";

export interface TabDecision {
  readonly lends: boolean;
  readonly reason: TabReason;
  readonly sentence: string;
}

/** The first that holds counts: what the owner said comes before what was seen. */
const STOPS: readonly {
  readonly reason: Exclude<TabReason, "LENDING">;
  readonly holds: (signals: TabSignals, policy: TabPolicy) => boolean;
  readonly sentence: string;
}[] = [
  {
    reason: "PAUSED",
    holds: (_, { isPaused }) => isPaused,
    sentence: "Paused: nothing runs here until you start it.",
  },
  {
    reason: "HIDDEN",
    holds: ({ isHidden }, { stopsWhenHidden }) => stopsWhenHidden && isHidden,
    sentence: "Stopped while this tab is out of sight, as you chose.",
  },
  {
    reason: "ON_BATTERY",
    holds: ({ isOnBattery }, { needsMains }) => needsMains && isOnBattery === true,
    sentence: "Stopped while the computer runs on its battery, as you chose.",
  },
  {
    reason: "POWER_UNKNOWN",
    holds: ({ isOnBattery }, { needsMains }) => needsMains && isOnBattery === undefined,
    sentence:
      "This browser does not tell whether the computer is plugged in. Switch “only when plugged in” off to lend anyway.",
  },
];

export function decideTab(signals: TabSignals, policy: TabPolicy): TabDecision {
  const stop = STOPS.find(({ holds }) => holds(signals, policy));
  if (stop) return { lends: false, reason: stop.reason, sentence: stop.sentence };
  return { lends: true, reason: "LENDING", sentence: "Lending what this computer does not use." };
}
