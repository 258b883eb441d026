/**
 * Tries again what may pass by itself: a full disk, a database that does not answer. Bounded, so that a job
 * ends with a reason rather than stand for ever.
 */
import { AssertionError, type Clock, isFault } from "@pingo/core";

/** Waits of 0.25, 0.5, 1, 2, 4 and 8 s: time for a cleaner, a log rotation, a database that starts again. */
export const TRIES_MAX = 7;
const WAIT_MS_MIN = 250;
const WAIT_MS_MAX = 8_000;
const PASSING_CODES: readonly string[] = ["DISK_FULL", "DISK_FAILED", "INTERNAL"];

export interface Perseverance {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly triesMax?: number;
  readonly onFailed: (error: unknown, tries: number) => void;
}

/** @param failures in a row, 1 or more */
export function retryWaitMs(failures: number): number {
  return Math.min(WAIT_MS_MAX, WAIT_MS_MIN * 2 ** Math.min(failures - 1, 16));
}

/** Other faults and false assertions stay what they are, however often they are tried. */
export function mayPass(error: unknown): boolean {
  if (error instanceof AssertionError) return false;
  return !isFault(error) || PASSING_CODES.includes(error.code);
}

/** @throws what the last try threw, or the signal's reason */
export async function persevere<T>(task: () => Promise<T>, options: Perseverance): Promise<T> {
  const { clock, signal, triesMax = TRIES_MAX, onFailed } = options;
  for (let tries = 1; ; tries++) {
    try {
      return await task();
    } catch (error) {
      signal.throwIfAborted();
      if (!mayPass(error) || tries >= triesMax) throw error;
      onFailed(error, tries);
    }
    await clock.sleep(retryWaitMs(tries), { signal });
  }
}
