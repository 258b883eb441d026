/**
 * Blocks of units in memory, the least used let go of first: for who has no disk to speak of. What a unit holds
 * stays until the unit is over, and more than the quota is refused.
 */
import { type BlockCodec, type Cid, cidOfBytes } from "@pingo/core";
import { StorageError } from "@pingo/storage";
import type { UnitCache } from "./lease-runner.ts";

interface Kept {
  readonly bytes: Uint8Array;
  used: number;
}

export interface MemoryCache extends UnitCache {
  readonly usedBytes: number;
}

const WHERE = "the memory of this page";

export function createMemoryCache(quotaBytes: number): MemoryCache {
  /** In the order of their last use. */
  const keptByCid = new Map<Cid, Kept>();
  const holds = new Set<number>();
  let usedBytes = 0;
  /** Counts uses: what was used at or after the oldest hold stays. */
  let now = 0;

  const touch = (cid: Cid): Kept | undefined => {
    const kept = keptByCid.get(cid);
    if (!kept) return undefined;
    kept.used = ++now;
    keptByCid.delete(cid);
    keptByCid.set(cid, kept);
    return kept;
  };
  const makeRoom = (neededBytes: number): void => {
    const oldestHold = Math.min(...holds, Number.POSITIVE_INFINITY);
    for (const [cid, { bytes, used }] of keptByCid) {
      if (usedBytes + neededBytes <= quotaBytes || used >= oldestHold) break;
      keptByCid.delete(cid);
      usedBytes -= bytes.byteLength;
    }
    if (usedBytes + neededBytes <= quotaBytes) return;
    throw new StorageError({ code: "QUOTA_EXCEEDED", folder: WHERE, neededBytes, usedBytes, quotaBytes });
  };

  return {
    get usedBytes() {
      return usedBytes;
    },
    hold() {
      const since = ++now;
      holds.add(since);
      return { [Symbol.dispose]: () => void holds.delete(since) };
    },
    has: async (cid) => touch(cid) !== undefined,
    async get(cid, options) {
      options?.signal?.throwIfAborted();
      const kept = touch(cid);
      if (kept) return kept.bytes;
      throw new StorageError({ code: "BLOCK_NOT_FOUND", cid, where: WHERE });
    },
    async put(bytes, codec: BlockCodec = "raw") {
      const cid = cidOfBytes(bytes, codec);
      if (touch(cid)) return cid;
      makeRoom(bytes.byteLength);
      keptByCid.set(cid, { bytes, used: ++now });
      usedBytes += bytes.byteLength;
      return cid;
    },
  };
}
