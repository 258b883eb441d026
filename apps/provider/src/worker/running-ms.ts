import { readFileSync } from "node:fs";

/**
 * How long the first thread of a process has had a core; undefined where the system does not tell, or it has ended.
 *
 * SOURCE: Documentation/scheduler/sched-stats.rst, /proc/PID/schedstat: nanoseconds on a processor come first.
 */
export function runningMs(pid: number): number | undefined {
  try {
    const [runningNs] = readFileSync(`/proc/${pid}/schedstat`, "latin1").split(" ");
    return Number(runningNs) / 1e6;
  } catch {
    return undefined;
  }
}
