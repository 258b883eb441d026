/**
 * Memory of a process tree, from /proc: the kernel's own peak of each process, by what it runs, and what a
 * process and its descendants have at one moment.
 *
 * Resident memory counts a page in every process that maps it; proportional memory divides it among them, so
 * its sum over all processes is what they cost the machine.
 */
import { readdirSync, readFileSync } from "node:fs";

/** Which process this is, from its command line; undefined for those that do not count. */
export type RoleOf = (commandLine: string) => string | undefined;

export interface Together {
  readonly residentBytes: number;
  readonly proportionalBytes: number;
}

export interface MemoryWatch extends Disposable {
  /** Peak resident bytes by role and process id. */
  readonly peaks: ReadonlyMap<string, ReadonlyMap<number, number>>;
  /** Each the largest sum, over a process of this role and all its descendants, that a sample found. */
  readonly together: ReadonlyMap<string, ReadonlyMap<number, Together>>;
}

const SAMPLE_EVERY_MS = 200;

/** Peaks stay empty where there is no /proc. */
export function watchMemory(rootPid: number, roleOf: RoleOf): MemoryWatch {
  const peaks = new Map<string, Map<number, number>>();
  const together = new Map<string, Map<number, Together>>();
  const sample = (): void => {
    const childrenByParent = readChildren();
    for (const pid of treeOf(rootPid, childrenByParent)) {
      const role = roleOf(readProc(pid, "cmdline").replaceAll("\0", " "));
      const bytes = fieldBytes(pid, "status", "VmHWM");
      if (role === undefined || bytes === 0) continue;
      const byPid = entryOf(peaks, role);
      byPid.set(pid, Math.max(bytes, byPid.get(pid) ?? 0));
      const tree = treeOf(pid, childrenByParent);
      const sum = (file: string, field: string): number =>
        tree.reduce((total, one) => total + fieldBytes(one, file, field), 0);
      const largest = entryOf(together, role).get(pid);
      entryOf(together, role).set(pid, {
        residentBytes: Math.max(sum("status", "VmRSS"), largest?.residentBytes ?? 0),
        proportionalBytes: Math.max(sum("smaps_rollup", "Pss"), largest?.proportionalBytes ?? 0),
      });
    }
  };
  const timer = setInterval(sample, SAMPLE_EVERY_MS);
  return { peaks, together, [Symbol.dispose]: () => clearInterval(timer) };
}

function entryOf<T>(byRole: Map<string, Map<number, T>>, role: string): Map<number, T> {
  const byPid = byRole.get(role) ?? new Map<number, T>();
  byRole.set(role, byPid);
  return byPid;
}

function readChildren(): ReadonlyMap<number, readonly number[]> {
  const childrenByParent = new Map<number, number[]>();
  for (const name of listProc()) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const parent = Number(/^PPid:\s+(\d+)/m.exec(readProc(pid, "status"))?.[1] ?? Number.NaN);
    childrenByParent.set(parent, [...(childrenByParent.get(parent) ?? []), pid]);
  }
  return childrenByParent;
}

function treeOf(
  rootPid: number,
  childrenByParent: ReadonlyMap<number, readonly number[]>,
): readonly number[] {
  const found = [rootPid];
  for (const pid of found) found.push(...(childrenByParent.get(pid) ?? []));
  return found;
}

/** A field of a file in /proc, in bytes; 0 when the process has just ended. */
function fieldBytes(pid: number, file: string, field: string): number {
  return 1024 * Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(readProc(pid, file))?.[1] ?? 0);
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
