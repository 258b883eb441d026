import type { Clock } from "../ports.ts";

export interface TestClock extends Clock {
  /** Moves time on and wakes the sleepers that are due, in order of their due time. */
  advance(ms: number): Promise<void>;
  readonly sleepers: number;
}

interface Sleeper {
  readonly dueMs: number;
  readonly wake: () => void;
}

export function createTestClock(startUnixMs = 1_700_000_000_000): TestClock {
  let elapsedMs = 0;
  let sleepers: Sleeper[] = [];
  const wakeUntil = async (targetMs: number): Promise<void> => {
    for (;;) {
      await settle();
      const next = sleepers.filter((s) => s.dueMs <= targetMs).sort((a, b) => a.dueMs - b.dueMs)[0];
      if (!next) return;
      elapsedMs = Math.max(elapsedMs, next.dueMs);
      sleepers = sleepers.filter((sleeper) => sleeper !== next);
      next.wake();
    }
  };
  return {
    nowUnixMs: () => startUnixMs + elapsedMs,
    monotonicMs: () => elapsedMs,
    sleep: (ms, options) =>
      new Promise((resolve, reject) => {
        const signal = options?.signal;
        if (signal?.aborted) return reject(signal.reason);
        const sleeper: Sleeper = { dueMs: elapsedMs + Math.max(0, ms), wake: resolve };
        sleepers.push(sleeper);
        signal?.addEventListener("abort", () => {
          sleepers = sleepers.filter((other) => other !== sleeper);
          reject(signal.reason);
        });
      }),
    async advance(ms) {
      const targetMs = elapsedMs + ms;
      await wakeUntil(targetMs);
      elapsedMs = targetMs;
      await settle();
    },
    get sleepers() {
      return sleepers.length;
    },
  };
}

/** Lets promises that are ready run; a macrotask comes after every microtask. */
async function settle(): Promise<void> {
  for (let i = 0; i < 4; i++) await new Promise((resolve) => setImmediate(resolve));
}
