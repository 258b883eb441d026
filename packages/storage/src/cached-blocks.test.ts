import { type Cid, cidOfBytes } from "@pingo/core";
import { createMemoryDisk, createRecordedLog } from "@pingo/core/testing";
import { expect, test } from "vitest";
import type { BlockReader, Blocks } from "./blocks.ts";
import { createCachedBlocks } from "./cached-blocks.ts";
import { createDiskBlocks } from "./disk-blocks.ts";
import { StorageError } from "./storage-error.ts";
import { createMemoryBlocks } from "./testing/memory-blocks.ts";
import { copyDag } from "./unixfs/dag.ts";
import { readFile } from "./unixfs/read-file.ts";
import { writeFile } from "./unixfs/write-file.ts";

const BYTES = Uint8Array.of(1, 2, 3);
const CID = cidOfBytes(BYTES);

/** Answers when told, and counts how often it was asked. */
function createGate() {
  const gate = Promise.withResolvers<Uint8Array>();
  const asked: Cid[] = [];
  const signals: (AbortSignal | undefined)[] = [];
  const reader: BlockReader = {
    get: (cid, options) => {
      asked.push(cid);
      signals.push(options?.signal);
      return gate.promise;
    },
    has: async () => true,
  };
  return { ...gate, asked, signals, reader };
}

test("a block is fetched once, then read near", async () => {
  const local = createMemoryBlocks();
  const remote = createGate();
  const cached = createCachedBlocks(local, remote.reader);
  const both = [cached.get(CID), cached.get(CID)];
  remote.resolve(BYTES);
  await Promise.all(both);
  await cached.get(CID);
  expect(remote.asked).toEqual([CID]);
  expect(await local.has(CID)).toBe(true);
});

test("a block altered near is fetched again", async () => {
  const local = createMemoryBlocks();
  const remote = createMemoryBlocks();
  await local.put(BYTES);
  await remote.put(BYTES);
  local.corrupt(CID);
  expect([...(await createCachedBlocks(local, remote).get(CID))]).toEqual([...BYTES]);
  expect([...(await local.get(CID))]).toEqual([...BYTES]);
});

test("one who gives up takes nothing from the others; the last one ends the fetch", async () => {
  const remote = createGate();
  const cached = createCachedBlocks(createMemoryBlocks(), remote.reader);
  const [first, second] = [new AbortController(), new AbortController()];
  const gets = [cached.get(CID, { signal: first.signal }), cached.get(CID, { signal: second.signal })];
  await expect.poll(() => remote.asked).toHaveLength(1);
  first.abort(new Error("first"));
  await expect(gets[0]).rejects.toThrow("first");
  expect(remote.signals[0]?.aborted).toBe(false);
  second.abort(new Error("second"));
  await expect(gets[1]).rejects.toThrow("second");
  expect(remote.signals[0]?.aborted).toBe(true);
});

test("a failed fetch fails those who wait and is tried anew by the next", async () => {
  const remote = createMemoryBlocks();
  const cached = createCachedBlocks(createMemoryBlocks(), remote);
  await expect(cached.get(CID)).rejects.toMatchObject({ code: "BLOCK_NOT_FOUND" });
  expect(await cached.has(CID)).toBe(false);
  await remote.put(BYTES);
  expect(await cached.has(CID)).toBe(true);
  expect([...(await cached.get(CID))]).toEqual([...BYTES]);
});

test("a full near store is logged, and the block is still handed out", async () => {
  const local = createDiskBlocks({ folder: "/blocks", disk: createMemoryDisk(), quotaBytes: 0 });
  const remote = createMemoryBlocks();
  await remote.put(BYTES);
  const log = createRecordedLog();
  expect([...(await createCachedBlocks(local, remote, { log }).get(CID))]).toEqual([...BYTES]);
  expect(log.entries).toMatchObject([{ event: "cache_write_failed", fields: { code: "QUOTA_EXCEEDED" } }]);
});

test("a DAG copied through it is written once, and a block that could not be kept is told by the copy", async () => {
  const [remote, near] = [createMemoryBlocks(), createMemoryBlocks()];
  const file = Uint8Array.from({ length: 3_000_000 }, (_, i) => i * 31);
  const root = await writeFile(remote, file);
  let writes = 0;
  let isFull = false;
  const local: Blocks = {
    get: (cid) => near.get(cid),
    has: (cid) => near.has(cid),
    put: async (bytes, codec) => {
      writes += 1;
      if (isFull) throw new StorageError({ code: "BLOCK_TOO_LARGE", what: "a block", bytesMax: 0 });
      return near.put(bytes, codec);
    },
  };
  const copy = (from: Cid) => copyDag(from, createCachedBlocks(local, remote), local, { readsThrough: true });
  const { blocks } = await copy(root);
  expect(blocks).toBeGreaterThan(2);
  expect(writes).toBe(blocks);
  expect(await readFile(near, root, { sizeBytesMax: file.byteLength })).toEqual(file);
  isFull = true;
  await expect(copy(await remote.put(BYTES))).rejects.toMatchObject({ code: "BLOCK_TOO_LARGE" });
});
