/** What a stranger's blocks may be: read, or refused with a code; never a crash and never more than was asked for. */
import type { Tensor } from "@pingo/autograd";
import { assert, cidOfBytes, isFault } from "@pingo/core";
import { alter, type Edit } from "@pingo/core/testing";
import fc from "fast-check";
import { test } from "vitest";
import { packDataset, readManifest, readShards } from "./dataset.ts";
import { decodeSafetensors, encodeSafetensors } from "./safetensors.ts";
import { arbTensor } from "./testing/arbitrary-tensors.ts";
import { createMemoryBlocks } from "./testing/memory-blocks.ts";
import { decodeUnixFsNode, encodeFileNode, encodeFolderNode } from "./unixfs/node.ts";

const arbEdits = fc.array(
  fc.record({
    at: fc.nat(),
    byte: fc.nat({ max: 255 }),
    how: fc.constantFrom<Edit["how"]>("overwrite", "overwrite", "insert", "drop", "cut"),
  }),
  { minLength: 1, maxLength: 6 },
);

function orFault(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    if (!isFault(error)) throw error;
  }
}

test("safetensors that were altered: 50,000", () => {
  const arbTensors = fc.record({ x: arbTensor("float32", [3, 2]), label: arbTensor("int64", [3]) });
  const altered = fc.property(arbTensors, arbEdits, (record, edits) => {
    const bytes = alter(encodeSafetensors(new Map<string, Tensor>(Object.entries(record))), edits);
    orFault(() => {
      const sizes = [...decodeSafetensors(bytes).values()].map(({ data }) => data.byteLength);
      assert(sizes.reduce((sum, size) => sum + size, 0) <= bytes.byteLength, "more tensors than bytes");
    });
  });
  fc.assert(altered, { numRuns: 50_000 });
});

test("nodes of files and folders that were altered: 50,000", () => {
  const leaf = cidOfBytes(Uint8Array.of(1));
  const arbLinks = fc.array(fc.record({ name: fc.string(), sizeBytes: fc.nat(), dagBytes: fc.nat() }), {
    maxLength: 4,
  });
  const altered = fc.property(arbLinks, fc.boolean(), arbEdits, (links, isFolder, edits) => {
    const named = links.map((link, i) => ({ ...link, cid: leaf, name: isFolder ? `${i}${link.name}` : "" }));
    const block = alter(isFolder ? encodeFolderNode(named) : encodeFileNode(named), edits);
    orFault(() => decodeUnixFsNode(cidOfBytes(block, "dagPb"), block));
  });
  fc.assert(altered, { numRuns: 50_000 });
});

test("datasets with an altered manifest or shard: 5,000", async () => {
  const tensors = new Map<string, Tensor>([
    ["x", { dtype: "float32", shape: [6, 2], data: new Float32Array(12) }],
    ["label", { dtype: "uint8", shape: [6], data: new Uint8Array(6) }],
  ]);
  const altered = fc.asyncProperty(fc.nat(), arbEdits, async (pick, edits) => {
    const blocks = createMemoryBlocks();
    const { cid, manifest } = await packDataset(tensors, { blocks, shardBytes: 200 });
    const changed = alter(await blocks.get(cid), edits);
    const other = await blocks.put(changed, "dagCbor");
    const shard = manifest.shards[pick % manifest.shards.length];
    const spoilt = shard && (await blocks.put(alter(await blocks.get(shard.cid), edits)));
    const shards = manifest.shards.map((one) => (one === shard && spoilt ? { ...one, cid: spoilt } : one));
    for (const read of [() => readManifest(blocks, other), () => readShards(blocks, manifest, shards)]) {
      await read().catch((error: unknown) => {
        if (!isFault(error)) throw error;
      });
    }
  });
  await fc.assert(altered, { numRuns: 5_000 });
});
