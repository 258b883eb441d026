/** Reads what the agent put there and nothing else. The store itself belongs to the agent's process. */
import { type Disk, isBlockOf } from "@pingo/core";
import { type BlockReader, createDiskBlocks } from "@pingo/storage";
import { countMoved } from "../collect.ts";
import { ProviderError } from "../provider-error.ts";

export function createVerifiedReader(folder: string, disk: Disk): BlockReader {
  const paths = createDiskBlocks({ folder, disk });
  return {
    async get(cid, options) {
      options?.signal?.throwIfAborted();
      const bytes = await disk.read(paths.pathOf(cid));
      if (bytes === undefined)
        throw new ProviderError({ code: "BLOCK_UNUSABLE", cid, why: "it is not there" });
      countMoved(bytes.byteLength);
      if (isBlockOf(cid, bytes)) return bytes;
      throw new ProviderError({ code: "BLOCK_UNUSABLE", cid, why: "its bytes are not what its CID names" });
    },
    has: async (cid) => (await disk.sizeBytes(paths.pathOf(cid))) !== undefined,
  };
}
