import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Cid } from "@pingo/core";
import { systemDisk } from "@pingo/core/system";
import { silentLog } from "@pingo/core/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openBlockCache } from "./block-cache.ts";

const BLOCK_BYTES = 1_000;
const QUOTA_BYTES = 8 * BLOCK_BYTES;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pingo-cache-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const blockOf = (fill: number): Uint8Array => new Uint8Array(BLOCK_BYTES).fill(fill);
const open = () =>
  openBlockCache({ folder, disk: systemDisk, quotaBytes: () => QUOTA_BYTES, log: silentLog });

test("the least recently used block goes first, also after a restart", async () => {
  const cids: Cid[] = [];
  {
    using cache = open();
    for (let i = 0; i < 8; i++) cids.push(await cache.put(blockOf(i)));
    const [first] = cids;
    if (first) await cache.get(first);
  }
  using cache = open();
  await cache.put(blockOf(100));
  const isHere = await Promise.all(cids.map((cid) => cache.has(cid)));
  expect(isHere[0]).toBe(true);
  expect(isHere[1]).toBe(false);
  expect(await cache.usedBytes()).toBeLessThanOrEqual(QUOTA_BYTES);
});

test("what a running lease touched stays, and a cache full of it refuses more", async () => {
  using cache = open();
  const held = cache.hold();
  for (let i = 0; i < 8; i++) await cache.put(blockOf(i));
  await expect(cache.put(blockOf(50))).rejects.toMatchObject({ code: "QUOTA_EXCEEDED" });
  held[Symbol.dispose]();
  await cache.put(blockOf(50));
});
