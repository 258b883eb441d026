/** Resident memory of a process tree, sampled from /proc: the peak of each process, by what it runs. */
import { readdirSync, readFileSync } from "node:fs";

/** Which process this is, from its command line; undefined for those that do not count. */
export type RoleOf = (commandLine: string) => string | undefined;

export interface MemoryWatch extends Disposable {
  /** Peak resident bytes by role and process id. */
  readonly peaks: ReadonlyMap<string, ReadonlyMap<number, number>>;
}

const SAMPLE_EVERY_MS = 200;

/** Peaks stay empty where there is no /proc. */
export function watchMemory(rootPid: number, roleOf: RoleOf): MemoryWatch {
  const peaks = new Map<string, Map<number, number>>();
  const sample = (): void => {
    for (const pid of descendantsOf(rootPid)) {
      const role = roleOf(readProc(pid, "cmdline").replaceAll("\0", " "));
      const bytes = residentBytes(pid);
      if (role === undefined || bytes === 0) continue;
      const byPid = peaks.get(role) ?? new Map<number, number>();
      byPid.set(pid, Math.max(bytes, byPid.get(pid) ?? 0));
      peaks.set(role, byPid);
    }
  };
  const timer = setInterval(sample, SAMPLE_EVERY_MS);
  return { peaks, [Symbol.dispose]: () => clearInterval(timer) };
}

function descendantsOf(rootPid: number): readonly number[] {
  const childrenByParent = new Map<number, number[]>();
  for (const name of listProc()) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const parent = Number(/^PPid:\s+(\d+)/m.exec(readProc(pid, "status"))?.[1] ?? Number.NaN);
    childrenByParent.set(parent, [...(childrenByParent.get(parent) ?? []), pid]);
  }
  const found = [rootPid];
  for (const pid of found) found.push(...(childrenByParent.get(pid) ?? []));
  return found;
}

function residentBytes(pid: number): number {
  return 1024 * Number(/^VmRSS:\s+(\d+) kB/m.exec(readProc(pid, "status"))?.[1] ?? 0);
}

function listProc(): readonly string[] {
  try {
    return readdirSync("/proc");
  } catch {
    return []; // no /proc on this system: nothing to report, and the table says so
  }
}

/** "" when the process has just ended. */
function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}
