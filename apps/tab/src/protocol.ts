/** What the page and its worker say to each other (structured clone). Both come from one build. */
import type { TabDecision, TabPolicy, TabSignals } from "./lend-decision.ts";

/** The first one starts it; every later one is what holds from then on. */
export interface ToWorker {
  readonly policy: TabPolicy;
  readonly signals: TabSignals;
  /** Absolute. */
  readonly fogUrl: string;
  readonly wasmUrl: string;
}

export type TabState = "starting" | "connecting" | "online" | "elsewhere" | "failed";

export interface TabStatus {
  /** "elsewhere": another tab of this browser lends already. */
  readonly state: TabState;
  /** null until its key was read. */
  readonly provider: string | null;
  readonly decision: TabDecision;
  readonly units: readonly TabUnit[];
  readonly done: TabTally;
  /** By the fog node's books, decimal nano-PINGO; null until they were asked. */
  readonly earnedNano: string | null;
  /** The last thing that went wrong and was not made good since. */
  readonly problem: string | null;
}

export interface TabUnit {
  readonly job: string;
  readonly round: number;
  /** 0 while its blocks are fetched. */
  readonly step: number;
  readonly steps: number;
  readonly loss: number | null;
}

/** Since this browser first lent. */
export interface TabTally {
  readonly units: number;
  readonly steps: number;
  readonly rows: number;
  readonly ms: number;
  /** Signed by the fog node as counted in their round, of those in this visit. */
  readonly acknowledged: number;
}
