/** A quiet computer of two cores that nobody uses, for tests to disturb. */
import type { OwnerSignals } from "../signals.ts";

const GiB = 2 ** 30;

export function calmSignals(change: Partial<OwnerSignals> = {}): OwnerSignals {
  return {
    monotonicMs: 0,
    nowUnixMs: 1_800_000_000_000,
    local: { weekday: 0, minute: 600 },
    inputIdleMs: 3_600_000,
    machineMillicores: 2_000,
    foreignMillicores: 20,
    idleMillicores: 1_900,
    cpuStallShare: 0,
    memoryTotalBytes: 8 * GiB,
    memoryAvailableBytes: 6 * GiB,
    ownMemoryBytes: 0,
    memoryStallShare: 0,
    battery: null,
    temperatureCelsius: 50,
    isFullScreen: false,
    applications: new Set(),
    isMetered: false,
    isReclaimed: false,
    ...change,
  };
}
