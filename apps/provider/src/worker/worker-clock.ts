/** How long a worker has had, which is not how long went by: it is stopped, and others are let on the cores before it. */
import type { Clock } from "@pingo/core";
import { runningMs } from "./core-time.ts";

export interface WorkerClockOptions {
  readonly clock: Clock;
  readonly waitingMs: (pid: number) => number | undefined;
  /** Undefined while no process runs. */
  readonly pid: () => number | undefined;
  readonly isHeld: () => boolean;
}

/** How often a unit's time is counted: what it stood still is not its own. */
const LOOK_MS = 1_000;

export class WorkerClock {
  readonly #options: WorkerClockOptions;

  constructor(options: WorkerClockOptions) {
    this.#options = options;
  }

  /** Resolves when the worker has had a core for this long; beside a busy owner that takes far longer. */
  async outwork(ms: number, signal: AbortSignal): Promise<void> {
    const pid = this.#options.pid();
    const beganMs = pid === undefined ? undefined : runningMs(pid);
    if (pid === undefined || beganMs === undefined) return this.outlast(ms, signal);
    for (let leftMs = ms; leftMs > 0; leftMs = ms - ((runningMs(pid) ?? beganMs) - beganMs))
      await this.#options.clock.sleep(Math.min(leftMs, LOOK_MS), { signal });
  }

  /** Resolves when the worker has had this much time; what it stands still, or is let on no core, does not count. */
  async outlast(ms: number, signal: AbortSignal): Promise<void> {
    const { clock, pid, waitingMs, isHeld } = this.#options;
    const waited = (): number => {
      const now = pid();
      return (now && waitingMs(now)) ?? 0;
    };
    let waitedMs = waited();
    for (let leftMs = ms; leftMs > 0; ) {
      const lookMs = Math.min(leftMs, LOOK_MS);
      await clock.sleep(lookMs, { signal });
      const beforeMs = waitedMs;
      waitedMs = waited();
      const isStarved = waitedMs - beforeMs > lookMs / 2;
      if (!isHeld() && !isStarved) leftMs -= lookMs;
    }
  }
}
