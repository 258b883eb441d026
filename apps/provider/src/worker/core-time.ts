/**
 * What the first thread of a process had of the cores, as the scheduler counts it; undefined where the system does not
 * tell, or the process has ended.
 *
 * SOURCE: Documentation/scheduler/sched-stats.rst, /proc/PID/schedstat: nanoseconds on a processor, nanoseconds waiting
 * for one, time slices.
 */
import { readFileSync } from "node:fs";

const NS_PER_MS = 1e6;

/** How long it ran. */
export function runningMs(pid: number): number | undefined {
  return schedstatMs(pid, 0);
}

/** How long it could have run, and others did. */
export function waitingMs(pid: number): number | undefined {
  return schedstatMs(pid, 1);
}

function schedstatMs(pid: number, field: 0 | 1): number | undefined {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, "latin1").split(" ")[field]) / NS_PER_MS;
  } catch {
    return undefined;
  }
}
