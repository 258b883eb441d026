/** What /proc says of this machine and of one process. */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { setTimeout as pause } from "node:timers/promises";

const TICK_MS = 10;
/** Columns of "cpu" in /proc/stat that are not work: idle, iowait; guest time stands in user too. */
const IDLE_COLUMNS = new Set([3, 4, 8, 9]);
const LOOK_MS = 500;

/** CPU time of everything, over all cores. */
export function machineBusyMs(): number {
  const columns = (/^cpu +(.*)$/m.exec(readFileSync("/proc/stat", "utf8"))?.[1] ?? "").trim().split(/ +/);
  return TICK_MS * columns.reduce((sum, ticks, i) => (IDLE_COLUMNS.has(i) ? sum : sum + Number(ticks)), 0);
}

/** R runs or waits for a core, S sleeps, T stands still; "" once it is gone. */
export function stateOf(pid: number): string {
  return fieldsOf(pid)[0] ?? "";
}

/**
 * None of its own code runs any more: it stands still, or will as soon as the kernel lets it run, which beside a load
 * that takes every core may be a while. SOURCE: proc(5), ShdPnd of status: SIGSTOP is 19, so bit 18
 */
export function isStopped(pid: number): boolean {
  const pending = /^ShdPnd:\s+([0-9a-f]+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? "0";
  return stateOf(pid) === "T" || (Number.parseInt(pending.slice(-8), 16) & (1 << 18)) !== 0;
}

/** User and system time of all its threads; 0 once it is gone. */
export function processMs(pid: number): number {
  const fields = fieldsOf(pid);
  return TICK_MS * (Number(fields[11] ?? 0) + Number(fields[12] ?? 0));
}

export function residentMiB(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) / 1_024;
}

/** Waits until all cores are busy, or all are idle; false when that did not come in time. */
export async function untilMachineIs(what: "busy" | "idle", withinMs: number): Promise<boolean> {
  const cores = availableParallelism();
  for (const endMs = performance.now() + withinMs; performance.now() < endMs; ) {
    const [busyMs, atMs] = [machineBusyMs(), performance.now()];
    await pause(LOOK_MS);
    const share = (machineBusyMs() - busyMs) / (performance.now() - atMs) / cores;
    if (what === "busy" ? share > 0.9 : share < 0.15) return true;
  }
  return false;
}

/** After the name, which stands in brackets and may hold anything. */
function fieldsOf(pid: number): readonly string[] {
  const stat = read(`/proc/${pid}/stat`);
  return stat === "" ? [] : stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // it has just ended
  }
}
