/**
 * What a worker's session weighs: the least there is, but while it hands in what it has done.
 *
 * Linux shares the cores among sessions before it looks at priorities inside them (sched_autogroup): an idle-priority
 * worker in a session of its own would take as much as all that the owner runs in a terminal. The session has a
 * niceness of its own, which anybody may raise again: a process of the idle class may leave that only with a privilege, since
 * RLIMIT_NICE is 0 for most. SOURCE: sched(7), "The autogroup feature"; setrlimit(2), RLIMIT_NICE
 */
import { writeFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import type { Log } from "@pingo/core";
import { errorCode } from "@pingo/core/system";

const LEAST_WEIGHT = "19";
/** A tenth of what a session of the owner's weighs (LIFTED_SHARE, worker-group.ts). */
const LIFTED_WEIGHT = "10";
/** The kernel takes one such change in a tenth of a second from all of a user's programs. */
const RETRY_MS = 110;
const RETRIES_MAX = 50;

/** @param pid  of a process that leads a session; what it starts belongs to it */
export function lowerSession(pid: number, log: Log): Promise<void> {
  return weigh(pid, LEAST_WEIGHT, log);
}

/** Until this is disposed. @param pid  of a process in the session */
export function liftSession(pid: number, log: Log): Disposable {
  const lifted = weigh(pid, LIFTED_WEIGHT, log);
  return { [Symbol.dispose]: () => void lifted.then(() => lowerSession(pid, log)) };
}

async function weigh(pid: number, weight: string, log: Log): Promise<void> {
  for (let retries = 0; ; retries++) {
    try {
      await writeFile(`/proc/${pid}/autogroup`, weight);
      return;
    } catch (error) {
      const code = errorCode(error);
      // Not Linux, a kernel without sessions' weights, or the worker has ended.
      if (code === "ENOENT" || code === "ESRCH") return;
      if (code !== "EAGAIN" || retries === RETRIES_MAX) {
        log.warn("worker_session_weight", { pid, code: String(code) });
        return;
      }
    }
    await pause(RETRY_MS);
  }
}
