import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { median, row, tableOf } from "./report.ts";

const measured = { case: "c", metric: "m", value: 90, unit: "x/s" };

test("a target with a peer judges the ratio, without one the value, and an absent peer nothing", () => {
  expect(row(measured, { name: "p", value: 100 }, { relation: "≥", bound: 0.85 })).toMatchObject({
    ratio: 0.9,
    met: true,
  });
  expect(row(measured, null, { relation: "≤", bound: 80 })).toMatchObject({ ratio: null, met: false });
  expect(row(measured, { name: "p", value: null }, { relation: "≥", bound: 1 })).toMatchObject({
    ratio: null,
    met: null,
  });
});

test("the median of an even count is the mean of the middle two", () => {
  expect([median([3, 1, 2]), median([4, 1, 2, 3])]).toEqual([2, 2.5]);
});

test("the table has a line per row and equal widths", () => {
  const lines = tableOf({ suite: "s", machine: "m", rows: [row(measured, null, null)] }).split("\n");
  expect(lines).toHaveLength(3);
  expect(new Set(lines.map((line) => line.length)).size).toBe(1);
});

test.each([
  [
    "idle",
    'the suite idle has no case "typo"; there are compile, encode, long-encode, ticks, yield, rest, harvest',
  ],
  ["ton", 'the suite ton has no case "typo"; there are '],
  ["autograd", 'the suite autograd has no case "typo"; there are '],
  ["network", 'the suite network has no cases to choose from, so no "typo"'],
])("the suite %s refuses a case that there is not, before anything runs", (suite, sentence) => {
  const main = fileURLToPath(new URL("./main.ts", import.meta.url));
  const options = { encoding: "utf8" } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, suite, "typo", "--json"], options);
  expect([status, stdout]).toEqual([1, ""]);
  expect(stderr).toContain(sentence);
});
