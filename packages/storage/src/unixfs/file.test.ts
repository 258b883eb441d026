import { type Cid, cidOfBytes, LIMITS } from "@pingo/core";
import { MemoryBlockstore } from "blockstore-core";
import fc from "fast-check";
import { importBytes } from "ipfs-unixfs-importer";
import { fixedSize } from "ipfs-unixfs-importer/chunker";
import { balanced } from "ipfs-unixfs-importer/layout";
import { expect, test } from "vitest";
import { createMemoryBlocks } from "../testing/memory-blocks.ts";
import { encodeFileNode, encodeFolderNode } from "./node.ts";
import { readFile, readFileParts } from "./read-file.ts";
import { writeFile } from "./write-file.ts";

const KiB = 1024;
const SIZE = { sizeBytesMax: 64 * KiB * KiB };

async function importerCid(bytes: Uint8Array, chunkBytes: number, linksMax: number): Promise<string> {
  const { cid } = await importBytes(bytes, new MemoryBlockstore(), {
    profile: "unixfs-v1-2025",
    rawLeaves: true,
    cidVersion: 1,
    reduceSingleLeafToSelf: true,
    chunker: fixedSize({ chunkSize: chunkBytes }),
    layout: balanced({ maxChildrenPerNode: linksMax }),
  });
  return cid.toString();
}

function patterned(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) & 255);
}

const CHUNK = LIMITS.chunkBytesMax;
test.each([0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 17])(
  "a file of %d bytes has the importer's CID and reads back",
  async (length) => {
    const bytes = patterned(length);
    const blocks = createMemoryBlocks();
    const cid = await writeFile(blocks, bytes);
    expect(cid).toBe(await importerCid(bytes, CHUNK, 1024));
    expect(Buffer.compare(await readFile(blocks, cid, SIZE), bytes)).toBe(0);
  },
);

test("more chunks than one node links have the importer's CID", async () => {
  for (const chunks of [1023, 1024, 1025, 2049]) {
    const bytes = patterned(chunks * 16 - 3);
    const blocks = createMemoryBlocks();
    const cid = await writeFile(blocks, bytes, { chunkBytes: 16 });
    expect(cid).toBe(await importerCid(bytes, 16, 1024));
    expect(Buffer.compare(await readFile(blocks, cid, SIZE), bytes)).toBe(0);
  }
});

test("any bytes, width and chunk size have the importer's CID and read back, however they arrive", async () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 8 });
  const widths = fc.integer({ min: 2, max: 5 });
  await fc.assert(
    fc.asyncProperty(pieces, fc.integer({ min: 1, max: 64 }), widths, async (parts, chunkBytes, linksMax) => {
      const bytes = Buffer.concat(parts);
      const blocks = createMemoryBlocks();
      const streamed = async function* () {
        yield* parts;
      };
      const cid = await writeFile(blocks, streamed(), { chunkBytes, linksMax });
      expect(cid).toBe(await writeFile(blocks, bytes, { chunkBytes, linksMax }));
      expect(cid).toBe(await importerCid(bytes, chunkBytes, linksMax));
      expect(Buffer.compare(await readFile(blocks, cid, SIZE), bytes)).toBe(0);
    }),
    { numRuns: 60 },
  );
});

test("a file of one chunk is its raw block", async () => {
  const bytes = patterned(1000);
  expect(await writeFile(createMemoryBlocks(), bytes)).toBe(cidOfBytes(bytes));
});

test("a file over the limit is FILE_TOO_LARGE before its parts are asked for", async () => {
  const blocks = createMemoryBlocks();
  const cid = await writeFile(blocks, patterned(100), { chunkBytes: 10 });
  for (const other of [...blocks.bytesByCid.keys()]) if (other !== cid) await blocks.delete(other);
  await expect(readFile(blocks, cid, { sizeBytesMax: 99 })).rejects.toMatchObject({ code: "FILE_TOO_LARGE" });
  await expect(readFile(blocks, cid, { sizeBytesMax: 100 })).rejects.toMatchObject({
    code: "BLOCK_NOT_FOUND",
  });
});

test("a node that claims another size than its part has is DAG_MALFORMED", async () => {
  const blocks = createMemoryBlocks();
  const leaf = await blocks.put(patterned(10));
  for (const sizeBytes of [0, 9, 11]) {
    const lying = encodeFileNode([{ cid: leaf, name: "", dagBytes: 10, sizeBytes }]);
    const cid = await blocks.put(lying, "dagPb");
    await expect(readFile(blocks, cid, SIZE)).rejects.toMatchObject({ code: "DAG_MALFORMED" });
  }
});

test("endless nesting is DAG_TOO_DEEP", async () => {
  const blocks = createMemoryBlocks();
  let cid: Cid = await blocks.put(patterned(10));
  for (let i = 0; i < 40; i++) {
    cid = await blocks.put(encodeFileNode([{ cid, name: "", dagBytes: 10, sizeBytes: 10 }]), "dagPb");
  }
  await expect(readFile(blocks, cid, SIZE)).rejects.toMatchObject({ code: "DAG_TOO_DEEP" });
});

test("a cycle, as only a lying store can have, is DAG_TOO_DEEP", async () => {
  const self = cidOfBytes(Uint8Array.of(1), "dagPb");
  const node = encodeFileNode([{ cid: self, name: "", dagBytes: 10, sizeBytes: 10 }]);
  const lying = { get: async () => node, has: async () => true };
  await expect(readFile(lying, self, SIZE)).rejects.toMatchObject({ code: "DAG_TOO_DEEP" });
});

test("a folder is NOT_A_FILE, a value and any noise are DAG_MALFORMED", async () => {
  const blocks = createMemoryBlocks();
  const folder = await blocks.put(encodeFolderNode([]), "dagPb");
  await expect(readFile(blocks, folder, SIZE)).rejects.toMatchObject({ code: "NOT_A_FILE" });
  const value = await blocks.put(Uint8Array.of(0xa0), "dagCbor");
  await expect(readFile(blocks, value, SIZE)).rejects.toMatchObject({ code: "DAG_MALFORMED" });
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), async (noise) => {
      const cid = await blocks.put(noise, "dagPb");
      const error = await readFile(blocks, cid, SIZE).catch((caught: unknown) => caught);
      if (!(error instanceof Uint8Array)) expect(error).toHaveProperty("code");
    }),
    { numRuns: 300 },
  );
});

test("parts arrive in order, and a signal stops between them", async () => {
  const blocks = createMemoryBlocks();
  const bytes = patterned(95);
  const cid = await writeFile(blocks, bytes, { chunkBytes: 10, linksMax: 3 });
  const abort = new AbortController();
  const seen: Uint8Array[] = [];
  const read = async (): Promise<void> => {
    for await (const part of readFileParts(blocks, cid, { ...SIZE, signal: abort.signal })) {
      seen.push(part);
      if (seen.length === 4) abort.abort(new Error("enough"));
    }
  };
  await expect(read()).rejects.toThrow("enough");
  expect(Buffer.concat(seen)).toEqual(Buffer.from(bytes.subarray(0, 40)));
});
