import { setTimeout as sleep } from "node:timers/promises";
import type { Clock } from "../ports.ts";

export const systemClock: Clock = {
  nowUnixMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: async (ms, options) => {
    try {
      await sleep(ms, undefined, options);
    } catch (error) {
      options?.signal?.throwIfAborted(); // the reason, rather than node's AbortError around it
      throw error;
    }
  },
};
