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
}

/** The slowest tick that kernels are built with for desktops: 250 a second. */
const TICK_MS = 4;

interface Seen {
  readonly atMs: number;
  readonly ranMs: number;
}

export class WaitingWorkers {
  readonly #os: OsView;
  #seenByPid = new Map<number, Seen>();
  #waitedMs = 0;

  constructor(os: OsView) {
    this.#os = os;
  }

  /** Counts only between two looks at which the worker ran or waited for a core: not asleep, not standing still. */
  look(atMs: number, workers: readonly number[]): Waited {
    const seenByPid = new Map<number, Seen>();
    for (const pid of workers) {
      const ranMs = this.#ranMs(pid);
      if (ranMs === null) continue;
      const before = this.#seenByPid.get(pid);
      if (before !== undefined) this.#waitedMs += atMs - before.atMs - (ranMs - before.ranMs);
      seenByPid.set(pid, { atMs, ranMs });
    }
    this.#seenByPid = seenByPid;
    return { waitedMs: this.#waitedMs, waitedErrorMs: TICK_MS * seenByPid.size, waiters: seenByPid.size };
  }

  /** Of its first thread; null where it does not want a core, or is gone, or the kernel does not count. */
  #ranMs(pid: number): number | null {
    const stat = this.#os.textNow(`proc/${pid}/stat`) ?? "";
    if (stat.charAt(stat.lastIndexOf(")") + 2) !== "R") return null;
    const nanoseconds = Number.parseInt(this.#os.textNow(`proc/${pid}/schedstat`) ?? "", 10);
    return Number.isNaN(nanoseconds) ? null : nanoseconds / 1e6;
  }
}
