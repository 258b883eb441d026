/**
 * How long our workers wanted a core and had none: a unit trains on its worker's first thread, and the kernel counts
 * how long that ran. SOURCE: Documentation/scheduler/sched-stats.rst, /proc/<pid>/schedstat; proc(5), state of stat
 */
import type { OsView } from "../os-view.ts";

export interface Waited {
  /** Of all workers, ever growing. */
  readonly waitedMs: number;
  /** How far the last of it may be off: a thread's time is counted with the kernel's tick. */
  readonly waitedErrorMs: number;
  readonly waiters: number;
  /** How long at least one of them waited. */
  readonly anyWaitedMs: number;
  /** How long they ran, all of them together. */
  readonly ranMs: number;
}

/** The slowest tick that kernels are built with for desktops: 250 a second. */
const TICK_MS = 4;

interface Seen {
  readonly atMs: number;
  readonly ranMs: number;
  /** It runs or waits for a core: it is neither asleep nor stands still. */
  readonly wantsCore: boolean;
}

export class WaitingWorkers {
  readonly #os: OsView;
  #seenByPid = new Map<number, Seen>();
  #waitedMs = 0;
  #anyWaitedMs = 0;
  #ranMs = 0;

  constructor(os: OsView) {
    this.#os = os;
  }

  /** Waiting counts only between two looks at which the worker wanted a core. */
  look(atMs: number, workers: readonly number[]): Waited {
    const seenByPid = new Map<number, Seen>();
    let [longestMs, waiters] = [0, 0];
    for (const pid of workers) {
      const seen = this.#see(pid, atMs);
      if (seen === null) continue;
      const before = this.#seenByPid.get(pid);
      seenByPid.set(pid, seen);
      if (seen.wantsCore) waiters += 1;
      if (before === undefined) continue;
      const ranMs = seen.ranMs - before.ranMs;
      this.#ranMs += ranMs;
      if (!before.wantsCore || !seen.wantsCore) continue;
      const waitedMs = atMs - before.atMs - ranMs;
      this.#waitedMs += waitedMs;
      longestMs = Math.max(longestMs, waitedMs);
    }
    this.#anyWaitedMs += longestMs;
    this.#seenByPid = seenByPid;
    return {
      waitedMs: this.#waitedMs,
      waitedErrorMs: TICK_MS * waiters,
      waiters,
      anyWaitedMs: this.#anyWaitedMs,
      ranMs: this.#ranMs,
    };
  }

  /** Of its first thread; null where it is gone, or the kernel does not count. */
  #see(pid: number, atMs: number): Seen | null {
    const stat = this.#os.textNow(`proc/${pid}/stat`) ?? "";
    const nanoseconds = Number.parseInt(this.#os.textNow(`proc/${pid}/schedstat`) ?? "", 10);
    if (Number.isNaN(nanoseconds)) return null;
    return { atMs, ranMs: nanoseconds / 1e6, wantsCore: stat.charAt(stat.lastIndexOf(")") + 2) === "R" };
  }
}
