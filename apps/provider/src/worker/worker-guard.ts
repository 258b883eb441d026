/**
 * Looks at the workers once a second while one lives, and ends those that take more of the disk or of memory than is lent.
 *
 * Beside the kernel's limits, for what these do not count: files that are many or have lost their names, and, where there are no
 * walls that refuse it, memory that is shared.
 */
import { readFileSync } from "node:fs";
import type { Log } from "@pingo/core";
import { ProviderError } from "../provider-error.ts";
import { writtenBytes } from "./disk-writes.ts";
import { floodIn, writtenBytesMax } from "./flood-guard.ts";
import type { WorkerSlot } from "./worker-slot.ts";

export interface WorkerGuardOptions {
  readonly slots: readonly WorkerSlot[];
  /** What they may write, and what of it is there in order. */
  readonly folder: string;
  readonly updates: () => number;
  readonly diskBytesMax: () => number;
  readonly memoryBytesMax: () => number;
  /** What no update that is waited for lies in. */
  readonly removeStrays: () => Promise<void>;
  readonly log: Log;
}

/** A worker without work: its engine, its heap and its stacks; the limit of the kernel's leaves as much beside what is lent. */
const OVERHEAD_BYTES = 128 * 2 ** 20;

/** What its process had written when this unit was first seen. */
interface Seen {
  readonly pid: number;
  readonly units: number;
  readonly writtenBytes: number;
}

export class WorkerGuard {
  readonly #options: WorkerGuardOptions;
  readonly #seenBySlot = new Map<WorkerSlot, Seen>();

  constructor(options: WorkerGuardOptions) {
    this.#options = options;
  }

  async look(): Promise<void> {
    const { slots, folder, updates, diskBytesMax, removeStrays, log } = this.#options;
    const live = slots.filter(({ worker }) => worker !== undefined);
    if (live.length === 0) return;
    for (const slot of live) {
      const excess = this.#excessOf(slot);
      if (excess === null) continue;
      log.error("worker_exceeds", { code: excess.code, why: excess.message });
      slot.cut(excess);
    }
    const flood = await floodIn(folder, updates(), diskBytesMax());
    if (flood === null) return;
    log.error("worker_floods", { ...flood });
    for (const slot of slots) slot.cut(new ProviderError({ code: "WORKER_FLOODS", ...flood }));
    await removeStrays();
  }

  #excessOf(slot: WorkerSlot): ProviderError | null {
    const pid = slot.worker?.pid;
    if (pid === undefined) return null;
    const bytesMax = this.#options.memoryBytesMax() + OVERHEAD_BYTES;
    const bytes = ownBytes(pid);
    if (bytes > bytesMax) return new ProviderError({ code: "WORKER_SWELLS", bytes, bytesMax });
    return this.#writesOf(slot, pid);
  }

  #writesOf(slot: WorkerSlot, pid: number): ProviderError | null {
    const { units } = slot;
    const written = writtenBytes(pid) ?? 0;
    const seen = this.#seenBySlot.get(slot);
    if (seen?.pid !== pid || seen.units !== units) {
      this.#seenBySlot.set(slot, { pid, units, writtenBytes: written });
      return null;
    }
    const bytes = written - seen.writtenBytes;
    const bytesMax = writtenBytesMax(this.#options.diskBytesMax());
    return bytes > bytesMax ? new ProviderError({ code: "WORKER_WRITES", bytes, bytesMax }) : null;
  }
}

/**
 * Resident memory that is no file's; 0 where the system does not tell.
 *
 * SOURCE: Documentation/filesystems/proc.rst, /proc/PID/status
 */
function ownBytes(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    const kibibytes = [...status.matchAll(/^Rss(?:Anon|Shmem):\s+(\d+) kB$/gm)].map(([, number]) =>
      Number(number),
    );
    return 1_024 * kibibytes.reduce((sum, one) => sum + one, 0);
  } catch {
    return 0; // it has just ended, or this is no Linux
  }
}
