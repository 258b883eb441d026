/** What memory the computer has and could give, within the limits of our control groups; and whether it struggles. */
import { freemem, totalmem } from "node:os";
import type { OsView } from "../os-view.ts";
import { groupFolders } from "./group-folders.ts";

export interface MemoryView {
  readonly totalBytes: number;
  readonly availableBytes: number;
  /** Share of the last ten seconds in which everything waited for memory; null where the kernel does not count it. */
  readonly stallShare: number | null;
}

/** Where Linux does not tell, in the words that Node has for every system. */
export function memoryOf(os: OsView): MemoryView {
  return readMemory(os) ?? { totalBytes: totalmem(), availableBytes: freemem(), stallShare: null };
}

/** SOURCE: proc(5) meminfo, MemAvailable; Documentation/accounting/psi.rst */
export function readMemory(os: OsView): MemoryView | null {
  const text = os.textNow("proc/meminfo");
  const kibibytes = (name: string) =>
    Number(new RegExp(`^${name}: +(\\d+) kB$`, "m").exec(text ?? "")?.[1]) * 1_024;
  const [total, available] = [kibibytes("MemTotal"), kibibytes("MemAvailable")];
  if (!Number.isFinite(total) || !Number.isFinite(available)) return null;
  const groups = limitedGroups(os, total);
  const stalled = /^full avg10=([\d.]+)/m.exec(os.textNow("proc/pressure/memory") ?? "")?.[1];
  return {
    totalBytes: Math.min(total, ...groups.map(({ limitBytes }) => limitBytes)),
    availableBytes: Math.min(available, ...groups.map(({ leftBytes }) => leftBytes)),
    stallShare: stalled === undefined ? null : Number(stalled) / 100,
  };
}

interface LimitedGroup {
  readonly limitBytes: number;
  readonly leftBytes: number;
}

/** The names of one version's files. SOURCE: cgroup-v2.rst, "Memory Interface Files"; cgroup-v1/memory.rst */
const FILES = {
  v1: { limit: "memory.limit_in_bytes", used: "memory.usage_in_bytes", cached: "total_inactive_file" },
  v2: { limit: "memory.max", used: "memory.current", cached: "inactive_file" },
} as const;
/** From here on whoever asks for memory is slowed down: no limit of what there is, but none is to spare beyond. */
const SLOWING = "memory.high";

/** Every group on the way to the root that has less than the machine: who is in a container, a job or a unit is in several. */
function limitedGroups(os: OsView, totalBytes: number): readonly LimitedGroup[] {
  const folders = groupFolders(os.textNow("proc/self/cgroup") ?? "", "memory");
  return (["v1", "v2"] as const).flatMap((version) =>
    folders[version].flatMap((folder) => limitedGroup(os, folder, FILES[version], totalBytes)),
  );
}

function limitedGroup(
  os: OsView,
  folder: string,
  { limit, used, cached }: (typeof FILES)["v1" | "v2"],
  totalBytes: number,
): readonly LimitedGroup[] {
  const bytes = (file: string, without: number): number => {
    const value = Number.parseInt(os.textNow(`${folder}/${file}`) ?? "", 10);
    return Number.isNaN(value) ? without : value;
  };
  const limitBytes = Math.min(totalBytes, bytes(limit, totalBytes));
  const mostBytes = Math.min(limitBytes, bytes(SLOWING, totalBytes));
  if (mostBytes === totalBytes) return [];
  // Files that nobody has read lately are given up before anything is refused.
  const stat = os.textNow(`${folder}/memory.stat`) ?? "";
  const cachedBytes = Number(new RegExp(`^${cached} (\\d+)$`, "m").exec(stat)?.[1] ?? 0);
  const usedBytes = Math.max(0, bytes(used, 0) - cachedBytes);
  return [{ limitBytes, leftBytes: Math.max(0, mostBytes - usedBytes) }];
}

/** Resident memory of a process; 0 once it is gone. */
export function residentBytes(os: OsView, pid: number): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(os.textNow(`proc/${pid}/status`) ?? "")?.[1];
  return kibibytes === undefined ? 0 : Number(kibibytes) * 1_024;
}
