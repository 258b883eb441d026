import { cidOfValue, keyPairOfSeed, type RefutedWork } from "@pingo/core";
import { expect, test } from "vitest";
import { refutedLines, takenBackLines } from "./refuted-view.ts";

const job = cidOfValue("a job");
const verdict = cidOfValue("a verdict");
const WORK: RefutedWork = {
  ...{ job, round: 2, unit: 1, provider: keyPairOfSeed(new Uint8Array(32).fill(1)).nodeId },
  ...{ receipt: cidOfValue("a receipt"), verdict, atUnixMs: 1 },
  ...{ totalNano: "2000000000", providerNano: "1900000000" },
};

test("whoever is told of refuted work is told its case and the sum, and its user the rounds that have it in them", () => {
  expect(takenBackLines([])).toEqual([]);
  expect(refutedLines([], true)).toEqual([]);
  expect(takenBackLines([WORK])).toEqual([
    expect.stringMatching(
      new RegExp(
        `^taken back: 1\\.9 PINGO for unit 1 of round 2, .* did not come out again; case ${verdict}$`,
      ),
    ),
  ]);
  const [line, rounds, ...others] = refutedLines([WORK, { ...WORK, round: 1 }], true).slice(1);
  expect([line, others]).toEqual([
    expect.stringContaining(`2 PINGO are taken back for you; case ${verdict}`),
    [],
  ]);
  expect(rounds).toContain("since round 1 have in them what it handed in (rounds with refuted work: 1, 2)");
  expect(refutedLines([WORK], false)).toHaveLength(1);
  expect(takenBackLines(Array.from({ length: 10 }, () => WORK)).slice(8)).toEqual(["and 2 more"]);
});
