/** What a unit came to, wherever it ran: the body of its receipt but for who and for what. */
import type { Cid } from "@pingo/core";

export interface UnitOutcome {
  readonly steps: number;
  readonly rows: number;
  readonly lossMean: number;
  readonly cpuMs: number;
  /** The most that its process was resident by then, where it can tell. */
  readonly peakBytes?: number;
  readonly update: Cid;
  readonly startedAtUnixMs: number;
  readonly endedAtUnixMs: number;
}
