import fc from "fast-check";
import { expect, test } from "vitest";
import { LoadMeter, type LoadSample } from "./load-meter.ts";

const TICK_MS = 10;
const STEP_MS = 50;
const NEVER_WAITED = {
  ...{ waitedMs: 0, waitedErrorMs: 8, waiters: 2, anyWaitedMs: 0, ranMs: 0, cores: 2, pressureMs: null },
} as const;
const inTicks = (ms: number) => Math.floor(ms / TICK_MS) * TICK_MS;

/** Counters of a computer on which others use `foreign(t)` millicores and we `own`, seen through ticks. */
function samples(durationMs: number, foreign: (atMs: number) => number, own = 0): LoadSample[] {
  const made: LoadSample[] = [];
  let [foreignMs, ownMs] = [0, 0];
  for (let atMs = 0; atMs <= durationMs; atMs += STEP_MS) {
    made.push({
      atMs,
      busyMs: inTicks(foreignMs + ownMs),
      ownMs: inTicks(ownMs),
      errorMs: 2 * TICK_MS,
      ...NEVER_WAITED,
    });
    foreignMs += (foreign(atMs) / 1_000) * STEP_MS;
    ownMs += (own / 1_000) * STEP_MS;
  }
  return made;
}

function measured(readings: readonly LoadSample[]): (number | null)[] {
  const meter = new LoadMeter();
  return readings.map((sample) => {
    meter.add(sample);
    return meter.foreignMillicores();
  });
}

test("nothing is said before a tenth of a second has passed", () => {
  expect(measured(samples(150, () => 1_000)).map((value) => value === null)).toEqual([
    true,
    true,
    false,
    false,
  ]);
});

test("what is said is never more than what others use, and after two seconds nearly all of it", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2_000 }), fc.integer({ min: 0, max: 2_000 }), (foreign, own) => {
      const said = measured(samples(3_000, () => foreign, own));
      for (const value of said) expect(value ?? 0).toBeLessThanOrEqual(foreign + 1e-9);
      expect(said.at(-1)).toBeGreaterThanOrEqual(foreign - 20);
    }),
  );
});

test("a whole core of load is seen within a tenth of a second of its start, beside our own work", () => {
  const said = measured(samples(1_100, (atMs) => (atMs >= 1_000 ? 1_000 : 0), 1_000));
  expect(said.at(-1)).toBeGreaterThan(500);
  expect(Math.max(...said.slice(0, 20).map((value) => value ?? 0))).toBe(0);
});

test("after a sleep, or when a worker's counter vanished, it begins anew", () => {
  const meter = new LoadMeter();
  for (const sample of samples(1_000, () => 500)) meter.add(sample);
  expect(meter.foreignMillicores()).toBeGreaterThan(400);
  meter.add({ atMs: 60_000, busyMs: 90_000, ownMs: 0, errorMs: 20, ...NEVER_WAITED });
  expect(meter.foreignMillicores()).toBeNull();
  meter.add({ atMs: 60_100, busyMs: 80_000, ownMs: 0, errorMs: 20, ...NEVER_WAITED });
  expect(meter.foreignMillicores()).toBeNull();
});

test("two workers that get no core for a look and a half prove a load that wants both", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), (lookMs) => {
      const meter = new LoadMeter();
      const quiet = { busyMs: 0, ownMs: 0, errorMs: 40, waiters: 2, pressureMs: null } as const;
      const unseen = { anyWaitedMs: 0, ranMs: 0, cores: null } as const;
      for (let atMs = 0; atMs <= 400; atMs += 40) meter.add({ ...quiet, atMs, ...NEVER_WAITED });
      expect(meter.foreignMillicores()).toBe(0);
      // The load begins between two looks; the second of them has waited all of its time.
      meter.add({ ...quiet, ...unseen, atMs: 440, waitedMs: 2 * lookMs, waitedErrorMs: 8 });
      meter.add({ ...quiet, ...unseen, atMs: 480, waitedMs: 2 * (lookMs + 40), waitedErrorMs: 8 });
      expect(meter.foreignMillicores()).toBeGreaterThan(1_500);
    }),
  );
});

test("one worker alone that gets no core for two looks and a part proves a load that takes them all", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 25 }), fc.integer({ min: 2, max: 8 }), (partMs, cores) => {
      const meter = new LoadMeter();
      const alone = { ...NEVER_WAITED, busyMs: 0, ownMs: 0, errorMs: 30, waiters: 1, waitedErrorMs: 4 };
      const taken = (waitedMs: number, ranMs: number) => ({ waitedMs, anyWaitedMs: waitedMs, ranMs, cores });
      for (let atMs = 0; atMs <= 400; atMs += 25) meter.add({ ...alone, ...taken(0, atMs), atMs });
      expect(meter.foreignMillicores()).toBe(0);
      const ranMs = 425 - partMs;
      for (const look of [1, 2, 3]) {
        const waitedMs = partMs + 25 * (look - 1);
        meter.add({ ...alone, ...taken(waitedMs, ranMs), atMs: 400 + 25 * look });
      }
      // So much that no whole core is left beside what an idle computer's owner tolerates.
      expect(meter.foreignMillicores()).toBeGreaterThan((cores - 1) * 1_000 + 250);
    }),
  );
});

test("as long as one worker runs while the other waits, only the other's core is the owner's", () => {
  const full = { ...NEVER_WAITED, ownMs: 0, errorMs: 40 };
  // The processors' own counter stands still here: it would say the same later.
  const meter = new LoadMeter();
  for (let atMs = 0; atMs <= 1_000; atMs += 25)
    meter.add({ ...full, atMs, busyMs: 0, waitedMs: atMs, anyWaitedMs: atMs, ranMs: atMs });
  expect(meter.foreignMillicores()).toBeGreaterThan(900);
  expect(meter.foreignMillicores()).toBeLessThanOrEqual(1_000);
});

test("where others wait for each other on one core while ours has the only other, they want both", () => {
  const said = (busyCores: number): number => {
    const meter = new LoadMeter();
    const alone = { ...NEVER_WAITED, ownMs: 0, errorMs: 30, waiters: 1, waitedErrorMs: 4 };
    for (let atMs = 0; atMs <= 100; atMs += 25)
      meter.add({ ...alone, atMs, busyMs: busyCores * atMs, ownMs: atMs, ranMs: atMs, pressureMs: atMs / 2 });
    return meter.foreignMillicores() ?? 0;
  };
  expect(said(2)).toBeGreaterThan(1_500);
  // A core that is idle is there for whoever waits.
  expect(said(1)).toBe(0);
});

test("what of the waiting is not our workers' own is the owner's", () => {
  const meter = new LoadMeter();
  const full = { ...NEVER_WAITED, ownMs: 0, errorMs: 40 } as const;
  for (let atMs = 0; atMs <= 1_000; atMs += 40) {
    meter.add({ ...full, atMs, busyMs: 2 * atMs, waitedMs: atMs / 4, pressureMs: atMs / 2 });
  }
  const { idleMillicores = -1, cpuStallShare = -1 } = meter.contention(2_000) ?? {};
  expect(idleMillicores).toBe(0);
  expect(cpuStallShare).toBeGreaterThan(0.2);
  expect(cpuStallShare).toBeLessThanOrEqual(0.25);
});

test("a kernel that does not count waiting says nothing of it", () => {
  const meter = new LoadMeter();
  for (const sample of samples(1_000, () => 500)) meter.add(sample);
  expect(meter.contention(2_000)).toBeNull();
});

test("a stroke that one of two workers waits for a moment is no load", () => {
  const meter = new LoadMeter();
  for (let atMs = 0; atMs <= 400; atMs += 40)
    meter.add({ busyMs: 0, ownMs: 0, errorMs: 40, atMs, ...NEVER_WAITED });
  meter.add({ busyMs: 0, ownMs: 0, errorMs: 40, atMs: 440, ...NEVER_WAITED, waitedMs: 30 });
  expect(meter.foreignMillicores()).toBeLessThan(250);
});
