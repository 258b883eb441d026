import { Readable } from "node:stream";
import type { Log } from "@pingo/core";
import { silentLog } from "@pingo/core/testing";
import { expect, test } from "vitest";
import { relayWords } from "./worker-words.ts";

async function told(words: readonly string[]): Promise<readonly (readonly [string, unknown])[]> {
  const lines: (readonly [string, unknown])[] = [];
  const log: Log = { ...silentLog, warn: (event, fields) => lines.push([event, fields?.["text"]]) };
  const stderr = Readable.from(words, { objectMode: false });
  relayWords(stderr, log, 7);
  await new Promise((resolve) => stderr.once("close", resolve));
  return lines;
}

test("lines come one by one, however they were cut, the last also without an end", async () => {
  expect(await told(["a\nb", "c\n\n", "d"])).toEqual([
    ["worker_says", "a"],
    ["worker_says", "bc"],
    ["worker_says", "d"],
  ]);
});

test("a line is cut at its limit, and says nothing to a terminal", async () => {
  const [[, long] = [], [, plain] = []] = await told([`${"x".repeat(5_000)}\n`, "\u001b[2Jgone\u202e\n"]);
  expect(String(long)).toBe("x".repeat(1_024));
  expect(plain).toBe("[2Jgone");
});

test("whoever says more than a mebibyte is heard no further", async () => {
  const lines = await told(Array.from({ length: 40 }, () => `${"y".repeat(65_535)}\n`));
  expect(lines).toHaveLength(17);
  expect(lines.at(-1)?.[0]).toBe("worker_says_too_much");
});
