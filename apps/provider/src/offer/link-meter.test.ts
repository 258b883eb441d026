import { type Cid, cidOfBytes } from "@pingo/core";
import { createTestClock } from "@pingo/core/testing";
import type { Blocks } from "@pingo/storage";
import { expect, test } from "vitest";
import { LinkMeter } from "./link-meter.ts";

const BLOCK = new Uint8Array(2 ** 20);
const CID: Cid = cidOfBytes(BLOCK);

/** A link on which each block takes as long as it takes, however many are on their way. */
function slowLink(bytes: Uint8Array, ms: number) {
  const clock = createTestClock();
  const remote: Blocks = {
    has: async () => true,
    get: async () => {
      await clock.sleep(ms);
      return bytes;
    },
    put: async () => {
      await clock.sleep(ms);
      return CID;
    },
  };
  const meter = new LinkMeter(clock);
  return { clock, meter, blocks: meter.over(remote) };
}

test("bytes over time, down and up each for itself", async () => {
  const { clock, meter, blocks } = slowLink(BLOCK, 500);
  expect([meter.downBytesPerSecond, meter.upBytesPerSecond]).toEqual([0, 0]);
  const got = blocks.get(CID);
  await clock.advance(500);
  expect(await got).toBe(BLOCK);
  expect([meter.downBytesPerSecond, meter.upBytesPerSecond]).toEqual([2 * 2 ** 20, 0]);
  const put = blocks.put(BLOCK);
  await clock.advance(500);
  await put;
  expect(meter.upBytesPerSecond).toBe(2 * 2 ** 20);
});

test("blocks side by side count their time once", async () => {
  const { clock, meter, blocks } = slowLink(BLOCK, 500);
  const all = Promise.all([blocks.get(CID), blocks.get(CID), blocks.get(CID), blocks.get(CID)]);
  await clock.advance(500);
  await all;
  expect(meter.downBytesPerSecond).toBe(8 * 2 ** 20);
});

test("a few bytes say nothing of a link, nor does a transfer that failed", async () => {
  const { clock, meter, blocks } = slowLink(new Uint8Array(1_000), 500);
  const got = blocks.get(CID);
  await clock.advance(500);
  await got;
  expect(meter.downBytesPerSecond).toBe(0);
  const failing = new LinkMeter(clock).over({ ...blocks, get: () => Promise.reject(new Error("gone")) });
  await expect(failing.get(CID)).rejects.toThrow("gone");
});
