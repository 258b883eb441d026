import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { LendingHistory } from "./lending-history.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const WEEK_MS = 7 * DAY_MS;
/** A Monday, 00:00 of UTC. */
const MONDAY = Date.UTC(2026, 10, 30);

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pingo-history-"));
});
afterEach(() => rm(folder, { recursive: true }));

const open = (offsetMin = 0) => new LendingHistory({ folder, offsetMin: () => offsetMin });

/** A look a minute, for so long; it lends in the hours for which `lends` holds. */
function watch(history: LendingHistory, from: number, forMs: number, lends: (hour: number) => boolean): void {
  for (let at = from; at <= from + forMs; at += MINUTE_MS) {
    history.look(at, lends(Math.floor((at - MONDAY) / HOUR_MS) % 168));
  }
}

const isNight = (hour: number) => hour % 24 < 8;

test("before a day was seen nothing is said; after a week each hour is what it was", () => {
  using history = open();
  watch(history, MONDAY, DAY_MS - HOUR_MS, isNight);
  expect(history.local).toEqual([]);
  watch(history, MONDAY + DAY_MS - HOUR_MS, 6 * DAY_MS + HOUR_MS, isNight);
  // Each hour was seen once, and the mean of all counts as much.
  history.local.forEach((percent, hour) => {
    expect(percent).toBe(isNight(hour) ? 67 : 17);
  });
});

test("habits that changed are learned within weeks, and old ones fade", () => {
  using history = open();
  watch(history, MONDAY, 4 * WEEK_MS, () => true);
  expect(history.local[12]).toBe(100);
  watch(history, MONDAY + 4 * WEEK_MS, 8 * WEEK_MS, () => false);
  expect(history.local[12]).toBeLessThan(30);
});

test("time in which the agent did not run counts as not lending, up to two weeks; longer says nothing", () => {
  {
    using history = open();
    watch(history, MONDAY, WEEK_MS, () => true);
  }
  {
    using history = open(); // started again a day later
    history.look(MONDAY + WEEK_MS + DAY_MS, true);
    history.look(MONDAY + WEEK_MS + DAY_MS + MINUTE_MS, true);
    const { local } = history;
    expect(local[5]).toBeLessThan(70);
    expect(local[30]).toBeGreaterThan(90);
  }
  using history = open(); // and a year later
  const before = history.local;
  history.look(MONDAY + 53 * WEEK_MS, true);
  expect(history.local).toEqual(before);
});

test("what is offered is by UTC, what is shown by the owner's clock", () => {
  using history = open(120);
  watch(history, MONDAY, WEEK_MS, (hour) => hour === 10); // 10:00 of UTC
  const best = (hours: readonly number[]) => hours.indexOf(Math.max(...hours));
  expect(best(history.utc(MONDAY))).toBe(10);
  expect(best(history.local)).toBe(12);
});

test("whatever the clock does, percents stay percents, and a clock that jumped forward does not flood it", () => {
  const jump = fc.integer({ min: -3 * WEEK_MS, max: 3 * WEEK_MS });
  fc.assert(
    fc.property(fc.array(fc.record({ jump, lends: fc.boolean() }), { maxLength: 30 }), (looks) => {
      using history = open();
      let at = MONDAY;
      for (const look of looks) {
        at += look.jump;
        history.look(at, look.lends);
      }
      const { local } = history;
      expect([0, 168]).toContain(local.length);
      expect(local.every((percent) => Number.isInteger(percent) && percent >= 0 && percent <= 100)).toBe(
        true,
      );
    }),
    { numRuns: 30 },
  );
});
