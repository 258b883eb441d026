/**
 * CPU time of the computer and of our own processes, and how much of the computer we may see.
 *
 * Under a quota (a container, a service) only the group counts: others outside it cannot be in our way by more
 * than the quota already says. SOURCE: proc(5); Documentation/admin-guide/cgroup-v2.rst; cgroup-v1/cpuacct
 */
import type { LoadSample } from "../load-meter.ts";
import type { OsView } from "../os-view.ts";
import { groupFolders } from "./group-folders.ts";
import { WaitingWorkers } from "./waiting.ts";

/** USER_HZ: 100 on every Linux that Node runs on. */
const TICK_MS = 10;
/** Columns of "cpu" in /proc/stat that are not work: idle, iowait; guest time stands in user too. */
const IDLE_COLUMNS = new Set([3, 4, 8, 9]);

export interface ProcessorView {
  /** Null where /proc is not there. */
  sample(atMs: number, workers: readonly number[], agentMs: number): LoadSample | null;
  readonly machineMillicores: number;
}

export async function openProcessor(os: OsView, coresInSight: number): Promise<ProcessorView> {
  const group = await findQuota(os);
  const machineMillicores = Math.min(
    coresInSight * 1_000,
    group?.quotaMillicores ?? Number.POSITIVE_INFINITY,
  );
  const waiting = new WaitingWorkers(os);
  return {
    machineMillicores,
    sample: (atMs, workers, agentMs) => {
      const busy = group === null ? machineBusy(os) : { ms: group.busyMs(), errorMs: 0 };
      if (busy.ms === null) return null;
      const own = workers.map((pid) => processMs(os, pid) ?? 0);
      const ownMs = agentMs + own.reduce((sum, ms) => sum + ms, 0);
      const { waitedMs, waitedErrorMs, waiters, anyWaitedMs, ranMs } = waiting.look(atMs, workers);
      // Each counter may be one tick off; the machine's is kept for each core.
      return {
        atMs,
        busyMs: busy.ms,
        ownMs,
        errorMs: busy.errorMs * coresInSight + TICK_MS * workers.length,
        // They may have waited for this agent.
        waitedMs: waitedMs - agentMs,
        waitedErrorMs,
        waiters,
        anyWaitedMs,
        ranMs: ranMs + agentMs,
        // Under a quota, it may be the quota that was waited for.
        cores: group === null ? coresInSight : null,
        // Under a quota, who waits outside of it does not wait for us.
        pressureMs: group === null ? pressureMs(os) : null,
      };
    },
  };
}

function machineBusy(os: OsView): { readonly ms: number | null; readonly errorMs: number } {
  const line = /^cpu +(.*)$/m.exec(os.textNow("proc/stat") ?? "")?.[1];
  if (line === undefined) return { ms: null, errorMs: 0 };
  const columns = line.trim().split(/ +/).map(Number);
  const ticks = columns.reduce((sum, value, i) => (IDLE_COLUMNS.has(i) ? sum : sum + value), 0);
  return { ms: ticks * TICK_MS, errorMs: TICK_MS };
}

/** SOURCE: Documentation/accounting/psi.rst; the total is as of this read. */
function pressureMs(os: OsView): number | null {
  const microseconds = /^some .*total=(\d+)$/m.exec(os.textNow("proc/pressure/cpu") ?? "")?.[1];
  return microseconds === undefined ? null : Number(microseconds) / 1_000;
}

/** Of all its threads; null once it is gone. */
function processMs(os: OsView, pid: number): number | null {
  const text = os.textNow(`proc/${pid}/stat`);
  // The second field is a name in brackets and may hold anything.
  const fields = text?.slice(text.lastIndexOf(")") + 2).split(" ");
  const [user, system] = [fields?.[11], fields?.[12]].map(Number);
  return user === undefined || system === undefined || Number.isNaN(user) ? null : (user + system) * TICK_MS;
}

interface Quota {
  readonly quotaMillicores: number;
  busyMs(): number | null;
}

/** The tightest CPU quota on the way from our control group to the root. */
async function findQuota(os: OsView): Promise<Quota | null> {
  const folders = groupFolders((await os.text("proc/self/cgroup")) ?? "", "cpu");
  const found = await Promise.all([
    ...folders.v2.map((folder) => quotaV2(os, folder)),
    ...folders.v1.map((folder) => quotaV1(os, folder)),
  ]);
  return found.reduce<Quota | null>(
    (least, one) =>
      least === null || (one !== null && one.quotaMillicores < least.quotaMillicores) ? one : least,
    null,
  );
}

async function quotaV2(os: OsView, folder: string): Promise<Quota | null> {
  const [quota, period] = ((await os.text(`${folder}/cpu.max`)) ?? "").trim().split(" ").map(Number);
  if (quota === undefined || period === undefined || !(quota > 0)) return null;
  const busyMs = () => {
    const usec = /^usage_usec (\d+)$/m.exec(os.textNow(`${folder}/cpu.stat`) ?? "")?.[1];
    return usec === undefined ? null : Number(usec) / 1_000;
  };
  return { quotaMillicores: (quota / period) * 1_000, busyMs };
}

async function quotaV1(os: OsView, folder: string): Promise<Quota | null> {
  const quota = Number(await os.text(`${folder}/cpu.cfs_quota_us`));
  const period = Number(await os.text(`${folder}/cpu.cfs_period_us`));
  if (!(quota > 0 && period > 0)) return null;
  const accounted = folder.replace("/cgroup/cpu", "/cgroup/cpuacct");
  const busyMs = () => {
    const nanoseconds = os.textNow(`${accounted}/cpuacct.usage`);
    return nanoseconds === null ? null : Number(nanoseconds) / 1e6;
  };
  return { quotaMillicores: (quota / period) * 1_000, busyMs };
}
