/** The real ports of a page's worker. */
import type { Clock, Fetch, Prng } from "@pingo/core";

export const pageClock: Clock = {
  nowUnixMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (ms, { signal } = {}) =>
    new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const onAbort = (): void => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      }, ms);
      signal?.addEventListener("abort", onAbort, { once: true });
    }),
};

/** Chance from the browser: fit for keys, nonces and ids. */
export const pagePrng: Prng = {
  u32,
  int(below) {
    // What lies past the last whole multiple would favour small numbers.
    const end = 2 ** 32 - (2 ** 32 % below);
    for (let drawn = u32(); ; drawn = u32()) if (drawn < end) return drawn % below;
  },
  float: () => u32() / 2 ** 32,
  bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
};

function u32(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
}

/** Blocks come from the browser's own cache where it has them: their names never change what they hold. */
export const pageFetch: Fetch = async (url, { method = "GET", headers, body, signal } = {}) => {
  const answer = await fetch(url, {
    method,
    ...(headers && { headers }),
    ...(body && { body }),
    ...(signal && { signal }),
  });
  return { ok: answer.ok, status: answer.status, body: answer.body && piecesOf(answer.body.getReader()) };
};

/** By its reader: not every browser can iterate over a stream. */
async function* piecesOf(reader: {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}): AsyncIterable<Uint8Array> {
  let isDone = false;
  try {
    while (!isDone) {
      const { done, value } = await reader.read();
      isDone = done;
      if (value) yield value;
    }
  } finally {
    if (!isDone) await reader.cancel();
  }
}
