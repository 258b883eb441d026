/** Waits between tries: doubling, with a limit, and jittered so that many who failed together come back apart. */
import type { Clock, Prng } from "@pingo/core";

export const BACKOFF_MS_MIN = 200;
export const BACKOFF_MS_MAX = 5_000;

/** @param failures in a row, 1 or more */
export function backoffMs(failures: number, prng: Prng): number {
  const ceilingMs = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** Math.min(failures - 1, 16));
  return Math.max(BACKOFF_MS_MIN, ceilingMs * (0.5 + prng.float() / 2));
}

/** Waits, or stops waiting when the signal is aborted; the signal says which. */
export async function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  try {
    await clock.sleep(ms, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
