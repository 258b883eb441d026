/**
 * V8 decides by its own heap when to collect, and buffers lie outside it: tens of megabytes of dead ones are
 * nothing to it. Who moves many bytes counts them here.
 */
import type { Fetch } from "@pingo/core";

const BYTES_BETWEEN = 4 * 1024 * 1024;
const BYTES_BETWEEN_WHOLE = 8 * 1024 * 1024;

let moved = 0;
let movedSinceWhole = 0;

/**
 * These bytes were read, or came, into a buffer that is soon dead. Such a buffer is young, so collecting the young
 * is enough, which takes less than a millisecond where collecting all takes ten.
 */
export function countMoved(bytes: number): void {
  moved += bytes;
  movedSinceWhole += bytes;
  if (moved < BYTES_BETWEEN) return;
  moved = 0;
  // Where the process has no such door (lean-process.ts opens it), V8 is left to itself.
  globalThis.gc?.({ type: "minor" });
}

/** At a moment when nobody waits for this process: takes also what outlived the small collections, if much came. */
export function collectAtLeisure(): void {
  if (movedSinceWhole < BYTES_BETWEEN_WHOLE) return;
  movedSinceWhole = 0;
  globalThis.gc?.();
}

const REST_MS = 10_000;
let restsSinceMs: number | undefined;
let isCollected = false;

/**
 * Once whenever nothing has run for a while: all that can be spared goes, also code that ran once, at the start. It takes a
 * tenth of a second, and a process that waits keeps 3 MB less.
 */
export function collectAtRest(isResting: boolean, nowMs: number): void {
  if (!isResting) {
    restsSinceMs = undefined;
    isCollected = false;
    return;
  }
  restsSinceMs ??= nowMs;
  if (isCollected || nowMs - restsSinceMs < REST_MS) return;
  isCollected = true;
  globalThis.gc?.({ type: "major", flavor: "last-resort" });
}

/** Counts what comes. */
export function countingFetch(fetch: Fetch): Fetch {
  return async (url, init) => {
    const answer = await fetch(url, init);
    return { ok: answer.ok, status: answer.status, body: answer.body && counted(answer.body) };
  };
}

async function* counted(body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  for await (const chunk of body) {
    countMoved(chunk.byteLength);
    yield chunk;
  }
}
