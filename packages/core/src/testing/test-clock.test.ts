import { expect, test } from "vitest";
import { createTestClock } from "./test-clock.ts";

test("sleepers wake in the order of their due times, when time is moved", async () => {
  const clock = createTestClock();
  const woken: string[] = [];
  const late = clock.sleep(20).then(() => woken.push("late"));
  const early = clock.sleep(10).then(() => woken.push("early"));
  await clock.advance(9);
  expect(woken).toEqual([]);
  await clock.advance(11);
  await Promise.all([late, early]);
  expect(woken).toEqual(["early", "late"]);
  expect(clock.monotonicMs()).toBe(20);
});

test("an aborted sleep rejects with the reason and leaves no sleeper", async () => {
  const clock = createTestClock();
  const abort = new AbortController();
  const sleeping = expect(clock.sleep(10, { signal: abort.signal })).rejects.toThrow("enough");
  abort.abort(new Error("enough"));
  await sleeping;
  expect(clock.sleepers).toBe(0);
});
