/** Blocks that ask before they send: what the other side has is not sent again. */
import { type BlockCodec, type Cid, cidOfBytes } from "@pingo/core";
import type { Blocks } from "@pingo/storage";

export interface UploadProgress {
  /** Sent, or found to be there already. */
  readonly bytesDone: number;
  readonly bytesTotal: number;
  readonly bytesSent: number;
}

export interface OnlyMissingOptions {
  readonly bytesTotal: number;
  readonly onProgress?: (progress: UploadProgress) => void;
  readonly signal?: AbortSignal;
}

export function onlyMissing(remote: Blocks, options: OnlyMissingOptions): Blocks {
  let bytesDone = 0;
  let bytesSent = 0;
  return {
    get: (cid, get) => remote.get(cid, get),
    has: (cid) => remote.has(cid),
    async put(bytes: Uint8Array, codec: BlockCodec = "raw", put): Promise<Cid> {
      options.signal?.throwIfAborted();
      const cid = cidOfBytes(bytes, codec);
      if (!(await remote.has(cid))) {
        await remote.put(bytes, codec, put);
        bytesSent += bytes.byteLength;
      }
      // Links between blocks come on top of the content: the total is what the user knows.
      bytesDone = Math.min(options.bytesTotal, bytesDone + bytes.byteLength);
      options.onProgress?.({ bytesDone, bytesTotal: options.bytesTotal, bytesSent });
      return cid;
    },
  };
}
