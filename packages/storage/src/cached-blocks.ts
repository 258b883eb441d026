/** A reader that keeps what it fetches: asked twice at once or twice in a row, the far store is asked once. */
import { type Cid, codecOfCid, isFault, type Log } from "@pingo/core";
import type { BlockOptions, BlockReader, Blocks } from "./blocks.ts";
import { isStorageFault } from "./storage-error.ts";

export interface CachedBlocksOptions {
  /** Hears `cache_write_failed` when the near store is full; reading goes on without it. */
  readonly log?: Log;
}

interface Flight {
  readonly block: Promise<Uint8Array>;
  readonly abort: AbortController;
  waiters: number;
}

export function createCachedBlocks(
  local: Blocks,
  remote: BlockReader,
  { log }: CachedBlocksOptions = {},
): BlockReader {
  const flightByCid = new Map<Cid, Flight>();

  const fetchAndKeep = async (cid: Cid, signal: AbortSignal): Promise<Uint8Array> => {
    const bytes = await remote.get(cid, { signal });
    try {
      await local.put(bytes, codecOfCid(cid), { cid });
    } catch (error) {
      if (!isFault(error)) throw error;
      log?.warn("cache_write_failed", { cid, code: error.code });
    }
    return bytes;
  };

  const startFlight = (cid: Cid): Flight => {
    const abort = new AbortController();
    const block = fetchAndKeep(cid, abort.signal);
    const flight = { block, abort, waiters: 0 };
    flightByCid.set(cid, flight);
    const land = (): void => {
      if (flightByCid.get(cid) === flight) flightByCid.delete(cid);
    };
    // Its waiters hear of a failure; this only clears the map.
    block.then(land, land);
    return flight;
  };

  const join = async (cid: Cid, signal: AbortSignal | undefined): Promise<Uint8Array> => {
    const flight = flightByCid.get(cid) ?? startFlight(cid);
    flight.waiters += 1;
    try {
      return await untilAborted(flight.block, signal);
    } finally {
      flight.waiters -= 1;
      if (flight.waiters === 0) {
        flightByCid.delete(cid);
        flight.abort.abort(signal?.reason);
      }
    }
  };

  return {
    async get(cid, options) {
      try {
        return await local.get(cid, options);
      } catch (error) {
        if (!isStorageFault(error, "BLOCK_NOT_FOUND", "BLOCK_CORRUPT")) throw error;
      }
      return join(cid, options?.signal);
    },
    async has(cid, options?: BlockOptions) {
      return (await local.has(cid)) || (await remote.has(cid, options));
    },
  };
}

/** One waiter giving up must not take the block from the others. */
async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
