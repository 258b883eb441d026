import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "@pingo/core/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DayTally, TALLY_FILE } from "./day-tally.ts";

const NOON = new Date(2026, 5, 1, 12).getTime();
const UNIT = { steps: 10, rows: 320, cpuMs: 1_500 };

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pingo-tally-"));
});
afterEach(() => rm(folder, { recursive: true }));

const at = (nowUnixMs: () => number, monotonicMs = () => 0) =>
  DayTally.open({
    folder,
    log: silentLog,
    clock: { nowUnixMs, monotonicMs, sleep: () => Promise.reject(new Error("it never sleeps")) },
  });

test("what was done today outlives a restart, and a new day begins with nothing", async () => {
  let now = NOON;
  const first = await at(() => now);
  first.add(UNIT);
  first.add(UNIT);
  await first.save("now");
  const second = await at(() => now);
  expect(second.today()).toEqual({
    date: "2026-06-01",
    units: 2,
    steps: 20,
    rows: 640,
    cpuMs: 3_000,
    ownerCpuMs: 0,
  });
  now += 13 * 3_600_000;
  expect(second.today()).toMatchObject({ date: "2026-06-02", units: 0 });
  second.add(UNIT);
  expect(second.today()).toMatchObject({ units: 1 });
  expect((await at(() => now)).today().units).toBe(0);
});

test("the owner's work is counted between looks, but not over a sleep, nor while it is not known", async () => {
  let ms = 0;
  const tally = await at(
    () => NOON,
    () => ms,
  );
  for (const [atMs, load] of [
    [0, 500],
    [1_000, 500],
    [2_000, 2_000],
    [3_000, null],
    [3_600_000, 2_000],
  ] as const) {
    ms = atMs;
    tally.look(load);
  }
  expect(tally.today().ownerCpuMs).toBe(500 + 2_000);
});

test("a tally that is none is begun anew", async () => {
  await writeFile(join(folder, TALLY_FILE), '{"date":"2026-06-01","units":"many"}');
  expect((await at(() => NOON)).today().units).toBe(0);
});
