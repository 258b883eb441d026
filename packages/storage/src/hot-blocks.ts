/**
 * The blocks asked for last, in memory: every worker of a round fetches the same weights.
 *
 * Bytes were verified when they were read and are handed to nobody who changes them, so they are not
 * hashed again. A block that has left the store below is not handed out.
 */
import type { Cid } from "@pingo/core";
import type { BlockReader } from "./blocks.ts";

export function createHotBlocks(blocks: BlockReader, bytesMax: number): BlockReader {
  /** In the order of use, the oldest first. */
  const hotByCid = new Map<Cid, Uint8Array>();
  let hotBytes = 0;

  const drop = (cid: Cid): void => {
    hotBytes -= hotByCid.get(cid)?.byteLength ?? 0;
    hotByCid.delete(cid);
  };
  const keep = (cid: Cid, bytes: Uint8Array): void => {
    drop(cid);
    if (bytes.byteLength > bytesMax) return;
    hotByCid.set(cid, bytes);
    hotBytes += bytes.byteLength;
    for (const oldest of hotByCid.keys()) {
      if (hotBytes <= bytesMax) return;
      drop(oldest);
    }
  };

  return {
    async get(cid, options) {
      const hot = hotByCid.get(cid);
      if (hot !== undefined && (await blocks.has(cid, options))) {
        keep(cid, hot);
        return hot;
      }
      drop(cid);
      const bytes = await blocks.get(cid, options);
      keep(cid, bytes);
      return bytes;
    },
    has: (cid, options) => blocks.has(cid, options),
  };
}
