import { type Cid, cidOfBytes, isBlockOf } from "@pingo/core";
import { type Blocks, checkBlockSize } from "../blocks.ts";
import { StorageError } from "../storage-error.ts";

export interface MemoryBlocks extends Blocks {
  readonly bytesByCid: ReadonlyMap<Cid, Uint8Array>;
  delete(cid: Cid): Promise<boolean>;
  /** Flips one bit of a stored block. */
  corrupt(cid: Cid, at?: number): void;
}

export function createMemoryBlocks(): MemoryBlocks {
  const bytesByCid = new Map<Cid, Uint8Array>();
  return {
    bytesByCid,
    async get(cid, options) {
      options?.signal?.throwIfAborted();
      const bytes = bytesByCid.get(cid);
      if (bytes === undefined) throw new StorageError({ code: "BLOCK_NOT_FOUND", cid, where: "memory" });
      if (isBlockOf(cid, bytes)) return bytes.slice();
      bytesByCid.delete(cid);
      throw new StorageError({ code: "BLOCK_CORRUPT", cid, path: "memory" });
    },
    has: async (cid) => bytesByCid.has(cid),
    async put(bytes, codec = "raw", options) {
      checkBlockSize(bytes);
      options?.signal?.throwIfAborted();
      const cid = cidOfBytes(bytes, codec);
      bytesByCid.set(cid, new Uint8Array(bytes));
      return cid;
    },
    delete: async (cid) => bytesByCid.delete(cid),
    corrupt(cid, at = 0) {
      const bytes = bytesByCid.get(cid);
      if (bytes) bytes[at] = (bytes[at] ?? 0) ^ 1;
    },
  };
}
