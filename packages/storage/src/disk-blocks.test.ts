import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Cid, cidOfBytes } from "@pingo/core";
import { systemDisk } from "@pingo/core/system";
import { createMemoryDisk } from "@pingo/core/testing";
import { afterEach, expect, test } from "vitest";
import { createDiskBlocks } from "./disk-blocks.ts";
import { blocksCompliance } from "./testing/blocks-compliance.ts";

const folders: string[] = [];

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "pingo-blocks-"));
  folders.push(folder);
  return folder;
}

afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

blocksCompliance("a folder on disk", async () => {
  const blocks = createDiskBlocks({ folder: await temporaryFolder(), disk: systemDisk });
  const corrupt = async (cid: Cid): Promise<void> => {
    const bytes = await readFile(blocks.pathOf(cid));
    bytes[0] = (bytes[0] ?? 0) ^ 1;
    await writeFile(blocks.pathOf(cid), bytes);
  };
  return { blocks, corrupt };
});

blocksCompliance("a folder on a disk in memory", async () => {
  const disk = createMemoryDisk();
  const blocks = createDiskBlocks({ folder: "/blocks", disk });
  return { blocks, corrupt: async (cid) => disk.corrupt(blocks.pathOf(cid), 0) };
});

test("a truncated block is removed and named by its hash", async () => {
  const blocks = createDiskBlocks({ folder: await temporaryFolder(), disk: systemDisk });
  const cid = await blocks.put(new Uint8Array(1000).fill(7));
  await truncate(blocks.pathOf(cid), 999);
  await expect(blocks.get(cid)).rejects.toMatchObject({ code: "BLOCK_CORRUPT", fault: { cid } });
  expect(await blocks.has(cid)).toBe(false);
});

test("an altered block is mended by storing it again, without reading it first", async () => {
  const disk = createMemoryDisk();
  const blocks = createDiskBlocks({ folder: "/blocks", disk });
  const cid = await blocks.put(Uint8Array.of(1, 2, 3));
  disk.corrupt(blocks.pathOf(cid), 1);
  await blocks.put(Uint8Array.of(1, 2, 3));
  expect([...(await blocks.get(cid))]).toEqual([1, 2, 3]);
  expect(await blocks.usedBytes()).toBe(3);
});

test("the quota is never passed, also by writes side by side", async () => {
  const disk = createMemoryDisk();
  const blocks = createDiskBlocks({ folder: "/blocks", disk, quotaBytes: 250 });
  const puts = Array.from({ length: 10 }, (_, i) => blocks.put(new Uint8Array(100).fill(i)));
  const settled = await Promise.allSettled(puts);
  expect(settled.filter((put) => put.status === "fulfilled")).toHaveLength(2);
  const refused = settled.find((put) => put.status === "rejected");
  expect(refused?.reason).toMatchObject({ code: "QUOTA_EXCEEDED" });
  expect(await blocks.usedBytes()).toBe(200);
  expect([...disk.files.values()].reduce((sum, bytes) => sum + bytes.byteLength, 0)).toBe(200);
});

test("deleting makes room, and a store opened anew knows what is used", async () => {
  const disk = createMemoryDisk();
  const first = createDiskBlocks({ folder: "/blocks", disk, quotaBytes: 100 });
  const cid = await first.put(new Uint8Array(100));
  const second = createDiskBlocks({ folder: "/blocks", disk, quotaBytes: 100 });
  expect(await second.usedBytes()).toBe(100);
  await expect(second.put(Uint8Array.of(1))).rejects.toMatchObject({ code: "QUOTA_EXCEEDED" });
  expect(await second.delete(cid)).toBe(true);
  expect(await second.delete(cid)).toBe(false);
  await second.put(Uint8Array.of(1));
  expect(await second.usedBytes()).toBe(1);
});

test("a full disk is DISK_FULL, and what is used stays what it was", async () => {
  const disk = createMemoryDisk(150);
  const blocks = createDiskBlocks({ folder: "/blocks", disk });
  await blocks.put(new Uint8Array(100));
  await expect(blocks.put(new Uint8Array(100).fill(1))).rejects.toMatchObject({ code: "DISK_FULL" });
  expect(disk.files.size).toBe(1);
  expect(await blocks.usedBytes()).toBe(100);
});

test("what a killed writer left behind is removed and not counted", async () => {
  const folder = await temporaryFolder();
  const before = createDiskBlocks({ folder, disk: systemDisk });
  const cid = await before.put(Uint8Array.of(1));
  const leftover = `${before.pathOf(cidOfBytes(Uint8Array.of(1)))}.999.1.tmp`;
  await writeFile(leftover, new Uint8Array(50));
  const after = createDiskBlocks({ folder, disk: systemDisk });
  expect(await after.usedBytes()).toBe(1);
  expect(await readdir(join(folder, cid.slice(-2)))).toEqual([cid]);
});

test("a store is flushed to the disk, a cache is not, and a block keeps the name that its giver checked", async () => {
  const disk = createMemoryDisk();
  const flushed: unknown[] = [];
  const watched = {
    ...disk,
    async write(path: string, bytes: Uint8Array, options?: { readonly isFlushed?: boolean }) {
      flushed.push(options?.isFlushed);
      await disk.write(path, bytes, options);
    },
  };
  const bytes = Uint8Array.of(1, 2, 3);
  const cid = cidOfBytes(bytes);
  await createDiskBlocks({ folder: "/store", disk: watched }).put(bytes);
  const cache = createDiskBlocks({ folder: "/cache", disk: watched, isCache: true });
  expect(await cache.put(bytes, "raw", { cid })).toBe(cid);
  expect(await cache.get(cid)).toEqual(bytes);
  expect(flushed).toEqual([true, false]);
  // Whoever checked badly harms nobody: what is read is checked again.
  const other = cidOfBytes(Uint8Array.of(4));
  await cache.put(bytes, "raw", { cid: other });
  await expect(cache.get(other)).rejects.toMatchObject({ code: "BLOCK_CORRUPT" });
});
