import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Cid, encodeCanonical, LIMITS } from "@pingo/core";
import { MemoryBlockstore } from "blockstore-core";
import { importer } from "ipfs-unixfs-importer";
import { fixedSize } from "ipfs-unixfs-importer/chunker";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createMemoryBlocks } from "../testing/memory-blocks.ts";
import { copyDag, statDag } from "./dag.ts";
import { exportFolder } from "./export-folder.ts";
import { importFolder, surveyFolder } from "./import-folder.ts";
import { encodeFileNode, encodeFolderNode, FOLDER_ENTRIES_MAX } from "./node.ts";
import { writeFile as writeBlocks } from "./write-file.ts";

const SIZE = { sizeBytesMax: 100_000_000 };
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pingo-folder-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function makeTree(): Promise<string> {
  const tree = join(folder, "tree");
  await mkdir(join(tree, "inner", "empty"), { recursive: true });
  await writeFile(join(tree, "b.txt"), "hello");
  await writeFile(join(tree, "a.bin"), new Uint8Array(LIMITS.chunkBytesMax + 10).fill(5));
  await writeFile(join(tree, "inner", "zero"), "");
  await writeFile(join(tree, "inner", "копия.txt"), "hello");
  return tree;
}

test("a folder has the importer's CID", async () => {
  const tree = await makeTree();
  const content = async function* () {
    for (const path of ["b.txt", "a.bin", "inner/zero", "inner/копия.txt"]) {
      yield { path, content: await readFile(join(tree, path)) };
    }
    yield { path: "inner/empty" };
  };
  let root = "";
  const options = {
    profile: "unixfs-v1-2025",
    chunker: fixedSize({ chunkSize: LIMITS.chunkBytesMax }),
    wrapWithDirectory: true,
  } as const;
  for await (const entry of importer(content(), new MemoryBlockstore(), options)) root = entry.cid.toString();
  expect(await importFolder(createMemoryBlocks(), tree)).toBe(root);
});

test("what is exported is what was imported", async () => {
  const tree = await makeTree();
  const blocks = createMemoryBlocks();
  const cid = await importFolder(blocks, tree);
  await exportFolder(blocks, cid, join(folder, "out", "tree"), SIZE);
  const names = await readdir(tree, { recursive: true });
  expect((await readdir(join(folder, "out", "tree"), { recursive: true })).sort()).toEqual(names.sort());
  for (const name of ["b.txt", "a.bin", "inner/zero", "inner/копия.txt"]) {
    expect(await readFile(join(folder, "out", "tree", name))).toEqual(await readFile(join(tree, name)));
  }
  expect(await importFolder(blocks, join(folder, "out", "tree"))).toBe(cid);
});

test("an export that fails leaves nothing, and one onto something there is refused", async () => {
  const blocks = createMemoryBlocks();
  const cid = await importFolder(blocks, await makeTree());
  const target = join(folder, "out");
  await expect(exportFolder(blocks, cid, target, { sizeBytesMax: 1_000 })).rejects.toMatchObject({
    code: "FILE_TOO_LARGE",
  });
  expect(await readdir(folder)).toEqual(["tree"]);
  await mkdir(target);
  await expect(exportFolder(blocks, cid, target, SIZE)).rejects.toMatchObject({
    code: "EXPORT_TARGET_EXISTS",
  });
});

test("symbolic links are ENTRY_REFUSED", async () => {
  const tree = await makeTree();
  await symlink("/etc/passwd", join(tree, "link"));
  await expect(importFolder(createMemoryBlocks(), tree)).rejects.toMatchObject({
    code: "ENTRY_REFUSED",
    fault: { path: join(tree, "link"), kind: "a symbolic link" },
  });
});

test.each(["..", ".", "", "../up", "a/b", "/etc/passwd", "a\\b", "nul\0", "x".repeat(256)])(
  "an entry named %j is NAME_REFUSED and nothing is written",
  async (name) => {
    const blocks = createMemoryBlocks();
    const file = await blocks.put(Uint8Array.of(1));
    const cid = await blocks.put(encodeFolderNode([{ cid: file, name, dagBytes: 1 }]), "dagPb");
    await expect(exportFolder(blocks, cid, join(folder, "out"), SIZE)).rejects.toMatchObject({
      code: "NAME_REFUSED",
    });
    expect(await readdir(folder)).toEqual([]);
  },
);

test("a survey counts what an import would read; both refuse too much before anything is stored", async () => {
  const tree = await makeTree();
  expect(await surveyFolder(tree)).toEqual({ files: 4, sizeBytes: LIMITS.chunkBytesMax + 10 + 5 + 5 });
  expect(await surveyFolder(join(tree, "b.txt"))).toEqual({ files: 1, sizeBytes: 5 });
  const blocks = createMemoryBlocks();
  const refused = { code: "FOLDER_TOO_LARGE", fault: { entriesMax: 6 } };
  await expect(surveyFolder(tree, { entriesMax: 6 })).rejects.toMatchObject(refused);
  await expect(importFolder(blocks, tree, { entriesMax: 6 })).rejects.toMatchObject(refused);
  await symlink("/etc/passwd", join(tree, "inner", "link"));
  await expect(importFolder(blocks, tree)).rejects.toMatchObject({ code: "ENTRY_REFUSED" });
  expect(blocks.bytesByCid.size).toBe(0);
});

test("an export tells how far it is", async () => {
  const blocks = createMemoryBlocks();
  const cid = await importFolder(blocks, await makeTree());
  const told: { bytesDone: number; bytesTotal: number }[] = [];
  const onProgress = (progress: (typeof told)[number]): void => void told.push(progress);
  const survey = await exportFolder(blocks, cid, join(folder, "out"), { ...SIZE, onProgress });
  expect(survey).toMatchObject({ files: 4, sizeBytes: LIMITS.chunkBytesMax + 20 });
  expect(told.map(({ bytesDone }) => bytesDone)).toEqual(
    told.map(({ bytesDone }) => bytesDone).sort((a, b) => a - b),
  );
  expect(told.at(-1)?.bytesDone).toBe(survey.sizeBytes);
  expect(told.every(({ bytesTotal }) => bytesTotal >= survey.sizeBytes)).toBe(true);
});

test("folders that double at each level end an export at its limit, and nothing of it stays", async () => {
  const blocks = createMemoryBlocks();
  let cid: Cid = await blocks.put(encodeFolderNode([]), "dagPb");
  for (let i = 0; i < 25; i++) {
    const entries = ["a", "b"].map((name) => ({ cid, name, dagBytes: 1 }));
    cid = await blocks.put(encodeFolderNode(entries), "dagPb");
  }
  const options = { ...SIZE, entriesMax: 100 };
  await expect(exportFolder(blocks, cid, join(folder, "out"), options)).rejects.toMatchObject({
    code: "FOLDER_TOO_LARGE",
  });
  expect(await readdir(folder)).toEqual([]);
});

test("a path that the system refuses is told as the disk's fault, and nothing of it stays", async () => {
  const blocks = createMemoryBlocks();
  let cid: Cid = await blocks.put(Uint8Array.of(1));
  for (let i = 0; i < 20; i++) {
    cid = await blocks.put(encodeFolderNode([{ cid, name: "x".repeat(255), dagBytes: 1 }]), "dagPb");
  }
  await expect(exportFolder(blocks, cid, join(folder, "out"), SIZE)).rejects.toMatchObject({
    code: "DISK_FAILED",
    fault: { why: expect.stringContaining("longer than the system allows") },
  });
  expect(await readdir(folder)).toEqual([]);
});

test("two entries of one name are DAG_MALFORMED; too many are FOLDER_TOO_WIDE", async () => {
  const blocks = createMemoryBlocks();
  const cid = await blocks.put(Uint8Array.of(1));
  const twice = await blocks.put(
    encodeFolderNode([1, 2].map(() => ({ cid, name: "a", dagBytes: 1 }))),
    "dagPb",
  );
  await expect(exportFolder(blocks, twice, join(folder, "out"), SIZE)).rejects.toMatchObject({
    code: "DAG_MALFORMED",
  });
  const entries = Array.from({ length: FOLDER_ENTRIES_MAX + 1 }, (_, i) => ({
    cid,
    name: `${i}`,
    dagBytes: 1,
  }));
  const wide = await blocks.put(encodeFolderNode(entries), "dagPb");
  await expect(statDag(blocks, wide)).rejects.toMatchObject({ code: "FOLDER_TOO_WIDE" });
});

test("statDag counts content, blocks and bytes; equal blocks once", async () => {
  const blocks = createMemoryBlocks();
  const root = await importFolder(blocks, await makeTree());
  const bytes = [...blocks.bytesByCid.values()].reduce((sum, block) => sum + block.byteLength, 0);
  expect(await statDag(blocks, root)).toEqual({
    kind: "folder",
    sizeBytes: LIMITS.chunkBytesMax + 10 + 5 + 5,
    blocks: blocks.bytesByCid.size,
    bytes,
  });
  await expect(statDag(blocks, root, { blocksMax: 3 })).rejects.toMatchObject({ code: "DAG_TOO_LARGE" });
  const value = await blocks.put(encodeCanonical({ a: 1 }), "dagCbor");
  expect(await statDag(blocks, value)).toMatchObject({ kind: "value", sizeBytes: 0, blocks: 1 });
});

test("folders that double at each level are counted without walking each path", async () => {
  const blocks = createMemoryBlocks();
  let cid: Cid = await blocks.put(Uint8Array.of(1));
  for (let i = 0; i < 25; i++) {
    const entries = ["a", "b"].map((name) => ({ cid, name, dagBytes: 1 }));
    cid = await blocks.put(encodeFolderNode(entries), "dagPb");
  }
  expect(await statDag(blocks, cid)).toMatchObject({ sizeBytes: 2 ** 25, blocks: 26 });
});

test("copyDag carries only what lacks, mends holes and tells its progress", async () => {
  const [from, to] = [createMemoryBlocks(), createMemoryBlocks()];
  const root = await importFolder(from, await makeTree());
  const all = await copyDag(root, from, to);
  expect(all.blocks).toBe(from.bytesByCid.size);
  expect([...to.bytesByCid.keys()].sort()).toEqual([...from.bytesByCid.keys()].sort());
  expect(await copyDag(root, from, to)).toEqual({ blocks: 0, bytes: 0 });
  const [hole] = [...to.bytesByCid].find(([, bytes]) => bytes.byteLength === 5) ?? [];
  if (hole !== undefined) await to.delete(hole);
  const progress: unknown[] = [];
  const copied = await copyDag(root, from, to, { onProgress: (now) => progress.push(now), parallel: 1 });
  expect(copied).toEqual({ blocks: 1, bytes: 5 });
  expect(progress.at(-1)).toEqual({ blocks: 1, bytes: 5, skipped: from.bytesByCid.size - 1 });
});

test("what is new goes over without a question, and comes again whole where it was there after all", async () => {
  const [from, to] = [createMemoryBlocks(), createMemoryBlocks()];
  const root = await importFolder(from, await makeTree());
  const unasked = { ...to, has: () => Promise.reject(new Error("asked")) };
  const all = await copyDag(root, from, unasked, { isNew: true });
  expect(all.blocks).toBe(from.bytesByCid.size);
  expect(await copyDag(root, from, unasked, { isNew: true })).toEqual(all);
  expect([...to.bytesByCid.keys()].sort()).toEqual([...from.bytesByCid.keys()].sort());
});

test("copyDag has at most 8 blocks on their way, and fails when one is missing", async () => {
  const from = createMemoryBlocks();
  const root = await writeBlocks(
    from,
    Uint8Array.from({ length: 300 }, (_, i) => i),
    { chunkBytes: 4 },
  );
  let now = 0;
  let most = 0;
  const watched = {
    has: from.has,
    get: async (cid: Cid) => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setImmediate(resolve));
      now -= 1;
      return from.get(cid);
    },
  };
  await copyDag(root, watched, createMemoryBlocks(), { parallel: 100 });
  expect(most).toBe(8);
  const [leaf] = [...from.bytesByCid.keys()].filter((cid) => cid !== root);
  if (leaf !== undefined) await from.delete(leaf);
  await expect(copyDag(root, from, createMemoryBlocks())).rejects.toMatchObject({ code: "BLOCK_NOT_FOUND" });
});

test("copyDag of a node that nests too deep is DAG_TOO_DEEP", async () => {
  const from = createMemoryBlocks();
  let cid: Cid = await from.put(Uint8Array.of(1));
  for (let i = 0; i < 40; i++) {
    cid = await from.put(encodeFileNode([{ cid, name: "", dagBytes: 1, sizeBytes: 1 }]), "dagPb");
  }
  await expect(copyDag(cid, from, createMemoryBlocks())).rejects.toMatchObject({ code: "DAG_TOO_DEEP" });
});
