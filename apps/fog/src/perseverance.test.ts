import { assert, type Clock } from "@pingo/core";
import { expect, test } from "vitest";
import { FogError } from "./fault.ts";
import { persevere, retryWaitMs, TRIES_MAX } from "./perseverance.ts";

/** Sleeps at once, and says how long it was asked to. */
function clockOf(sleptMs: number[]): Clock {
  return {
    nowUnixMs: () => 0,
    monotonicMs: () => 0,
    sleep: async (ms) => void sleptMs.push(ms),
  };
}

async function triesOf(task: (tries: number) => void): Promise<{ tries: number; sleptMs: number[] }> {
  const sleptMs: number[] = [];
  let tries = 0;
  const work = async (): Promise<void> => task(++tries);
  const { signal } = new AbortController();
  await persevere(work, { clock: clockOf(sleptMs), signal, onFailed: () => {} }).catch(() => undefined);
  return { tries, sleptMs };
}

test("what passes by itself is tried again, with growing waits, and given up at last", async () => {
  const { tries, sleptMs } = await triesOf(() => {
    throw new Error("no room");
  });
  expect(tries).toBe(TRIES_MAX);
  expect(sleptMs).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000]);
  expect(retryWaitMs(1_000)).toBe(8_000);
});

test("it ends with the first success", async () => {
  const { tries } = await triesOf((each) => {
    if (each < 3) throw new Error("not yet");
  });
  expect(tries).toBe(3);
});

test("faults that stay, and bugs, are not tried again", async () => {
  const fault = await triesOf(() => {
    throw new FogError({ code: "MEDIA_TYPE_REFUSED" });
  });
  const bug = await triesOf(() => assert(false, "a bug"));
  expect([fault.tries, bug.tries]).toEqual([1, 1]);
});
