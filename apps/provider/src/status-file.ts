/** Tells once a second what the agent does, in a file that `pingo node` reads. */
import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock, Log } from "@pingo/core";
import { type ProviderStatus, STATUS_FILE } from "@pingo/scheduler/status";

const EVERY_MS = 1_000;

export interface StatusFileOptions {
  readonly folder: string;
  readonly status: () => ProviderStatus;
  /** Whatever else is to be done as often. */
  readonly beside: () => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Until the signal; then the file is removed. */
export async function keepStatusFile(
  { folder, status, beside, clock, log }: StatusFileOptions,
  signal: AbortSignal,
): Promise<void> {
  const path = join(folder, STATUS_FILE);
  let isTold = true;
  while (!signal.aborted) {
    await beside();
    try {
      // Renamed, so that nobody reads half of it; not flushed, since after a power cut nobody needs it.
      await writeFile(`${path}.new`, JSON.stringify(status()));
      await rename(`${path}.new`, path);
      isTold = true;
    } catch (error) {
      // A full disk must not end the work; one line says so, not one a second.
      if (isTold) log.warn("status_unwritten", { error: String(error) });
      isTold = false;
    }
    await clock.sleep(EVERY_MS, { signal }).catch(() => undefined); // aborted: the loop ends
  }
  await rm(path, { force: true });
}
