/** What memory the computer has and could give, within the limits of our control group; and whether it struggles. */
import type { OsView } from "../os-view.ts";

export interface MemoryView {
  readonly totalBytes: number;
  readonly availableBytes: number;
  /** Share of the last ten seconds in which everything waited for memory; null where the kernel does not count it. */
  readonly stallShare: number | null;
}

/** SOURCE: proc(5) meminfo, MemAvailable; Documentation/accounting/psi.rst */
export function readMemory(os: OsView): MemoryView | null {
  const text = os.textNow("proc/meminfo");
  const kibibytes = (name: string) =>
    Number(new RegExp(`^${name}: +(\\d+) kB$`, "m").exec(text ?? "")?.[1]) * 1_024;
  const [total, available] = [kibibytes("MemTotal"), kibibytes("MemAvailable")];
  if (!Number.isFinite(total) || !Number.isFinite(available)) return null;
  const group = groupMemory(os);
  const isBound = group !== null && group.limitBytes < total;
  const stalled = /^full avg10=([\d.]+)/m.exec(os.textNow("proc/pressure/memory") ?? "")?.[1];
  return {
    totalBytes: isBound ? group.limitBytes : total,
    availableBytes: isBound ? Math.min(available, group.limitBytes - group.usedBytes) : available,
    stallShare: stalled === undefined ? null : Number(stalled) / 100,
  };
}

function groupMemory(os: OsView): { readonly limitBytes: number; readonly usedBytes: number } | null {
  const text = os.textNow("proc/self/cgroup") ?? "";
  const v1 = /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(\/.*)$/m.exec(text)?.[1];
  const v2 = /^0::(\/.*)$/m.exec(text)?.[1];
  const files =
    v1 === undefined
      ? [`sys/fs/cgroup${v2}/memory.max`, `sys/fs/cgroup${v2}/memory.current`]
      : [
          `sys/fs/cgroup/memory${v1}/memory.limit_in_bytes`,
          `sys/fs/cgroup/memory${v1}/memory.usage_in_bytes`,
        ];
  const [limitBytes, usedBytes] = files.map((file) => Number.parseInt(os.textNow(file) ?? "", 10));
  if (limitBytes === undefined || usedBytes === undefined) return null;
  return Number.isFinite(limitBytes) && Number.isFinite(usedBytes) ? { limitBytes, usedBytes } : null;
}

/** Resident memory of a process; 0 once it is gone. */
export function residentBytes(os: OsView, pid: number): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(os.textNow(`proc/${pid}/status`) ?? "")?.[1];
  return kibibytes === undefined ? 0 : Number(kibibytes) * 1_024;
}
