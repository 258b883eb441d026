/** What every store of blocks must do; each implementation runs it. */
import { type Cid, cidOfBytes, LIMITS } from "@pingo/core";
import { describe, expect, test } from "vitest";
import type { Blocks } from "../blocks.ts";

export interface Subject {
  readonly blocks: Blocks;
  /** Alters the stored bytes behind the store's back. */
  corrupt(cid: Cid): Promise<void>;
}

const CORRUPT_CODES = /^(BLOCK_CORRUPT|BLOCK_ALTERED|BLOCK_NOT_FOUND)$/;

export function blocksCompliance(name: string, open: () => Promise<Subject>): void {
  describe(`${name} is a store of blocks`, () => {
    const bytes = Uint8Array.of(1, 2, 3);

    test("bytes that were put come back under their CID, for each codec", async () => {
      const { blocks } = await open();
      for (const codec of ["raw", "dagPb", "dagCbor"] as const) {
        const cid = await blocks.put(bytes, codec);
        expect(cid).toBe(cidOfBytes(bytes, codec));
        expect(await blocks.has(cid)).toBe(true);
        expect([...(await blocks.get(cid))]).toEqual([...bytes]);
      }
    });

    test("putting the same bytes again, also side by side, is the same block", async () => {
      const { blocks } = await open();
      const cids = await Promise.all([blocks.put(bytes), blocks.put(bytes), blocks.put(bytes)]);
      expect(new Set([...cids, await blocks.put(bytes)]).size).toBe(1);
      expect([...(await blocks.get(cidOfBytes(bytes)))]).toEqual([...bytes]);
    });

    test("an empty block is a block", async () => {
      const { blocks } = await open();
      expect((await blocks.get(await blocks.put(new Uint8Array()))).byteLength).toBe(0);
    });

    test("a missing block is BLOCK_NOT_FOUND", async () => {
      const { blocks } = await open();
      const cid = cidOfBytes(Uint8Array.of(9));
      expect(await blocks.has(cid)).toBe(false);
      await expect(blocks.get(cid)).rejects.toMatchObject({ code: "BLOCK_NOT_FOUND" });
    });

    test("a block of the limit fits, one byte more is BLOCK_TOO_LARGE", async () => {
      const { blocks } = await open();
      const largest = new Uint8Array(LIMITS.blockBytesMax);
      expect((await blocks.get(await blocks.put(largest))).byteLength).toBe(LIMITS.blockBytesMax);
      const tooLarge = new Uint8Array(LIMITS.blockBytesMax + 1);
      await expect(blocks.put(tooLarge)).rejects.toMatchObject({ code: "BLOCK_TOO_LARGE" });
      expect(await blocks.has(cidOfBytes(tooLarge))).toBe(false);
    });

    test("an altered block is never returned, and can be stored again", async () => {
      const subject = await open();
      const cid = await subject.blocks.put(bytes);
      await subject.corrupt(cid);
      const error = await subject.blocks.get(cid).catch((caught: unknown) => caught);
      expect(error).toMatchObject({ code: expect.stringMatching(CORRUPT_CODES) });
      await subject.blocks.put(bytes);
      expect([...(await subject.blocks.get(cid))]).toEqual([...bytes]);
    });

    test("a signal that is aborted stops get and put", async () => {
      const { blocks } = await open();
      const signal = AbortSignal.abort(new Error("stopped"));
      await expect(blocks.put(bytes, "raw", { signal })).rejects.toThrow("stopped");
      await expect(blocks.get(cidOfBytes(bytes), { signal })).rejects.toThrow("stopped");
    });
  });
}
