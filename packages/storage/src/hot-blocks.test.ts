import type { Cid } from "@pingo/core";
import { expect, test } from "vitest";
import { createHotBlocks } from "./hot-blocks.ts";
import { createMemoryBlocks } from "./testing/memory-blocks.ts";

test("the blocks used last are read once, within the bytes given", async () => {
  const below = createMemoryBlocks();
  const asked: Cid[] = [];
  const counted = {
    has: below.has,
    get: (cid: Cid) => {
      asked.push(cid);
      return below.get(cid);
    },
  };
  const [a, b, c] = await Promise.all([1, 2, 3].map((fill) => below.put(new Uint8Array(100).fill(fill))));
  const large = await below.put(new Uint8Array(300));
  const hot = createHotBlocks(counted, 250);
  for (const cid of [a, b, a, c, a, b, large, b]) if (cid !== undefined) await hot.get(cid);
  // c pushed b out, which was used before a; the large one never fits and pushes nothing.
  expect(asked).toEqual([a, b, c, b, large]);
});

test("a block that was removed below is gone", async () => {
  const below = createMemoryBlocks();
  const cid = await below.put(Uint8Array.of(1));
  const hot = createHotBlocks(below, 100);
  await hot.get(cid);
  await below.delete(cid);
  expect(await hot.has(cid)).toBe(false);
  await expect(hot.get(cid)).rejects.toMatchObject({ code: "BLOCK_NOT_FOUND" });
});
