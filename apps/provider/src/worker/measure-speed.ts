/** How fast one thread computes and how fast it streams through memory, at the priority that work runs at. */
import { measureGflops } from "@pingo/autograd/runtime";
import type { Clock } from "@pingo/core";
import type { Speed } from "./protocol.ts";

/** Two of them are more than any cache of a desktop holds for one core. */
const STREAM_BYTES = 32 * 2 ** 20;
const STREAM_MS = 150;

/**
 * What disturbs a pass only ever slows it, so the best of each counts. The streams come first, and are given back
 * before the matrices are there: a process that measures is no larger than one that trains.
 *
 * @throws {RuntimeError} ENGINE_MISSING
 */
export async function measureSpeed(passes: number, clock: Pick<Clock, "monotonicMs">): Promise<Speed> {
  const best = { gflops: 0, memoryBytesPerSecond: 0 };
  for (let pass = 0; pass < passes; pass++)
    best.memoryBytesPerSecond = Math.max(best.memoryBytesPerSecond, streamBytesPerSecond(clock));
  for (let pass = 0; pass < passes; pass++)
    best.gflops = Math.max(best.gflops, await measureGflops({ clock }));
  return best;
}

/** Each copied byte is read once and written once. */
function streamBytesPerSecond(clock: Pick<Clock, "monotonicMs">): number {
  const from = new Uint8Array(STREAM_BYTES).fill(1);
  const to = new Uint8Array(STREAM_BYTES);
  to.set(from); // its pages are there from now on
  let bestMs = Number.POSITIVE_INFINITY;
  const endMs = clock.monotonicMs() + STREAM_MS;
  for (let beganMs = clock.monotonicMs(); beganMs < endMs; beganMs = clock.monotonicMs()) {
    to.set(from);
    bestMs = Math.min(bestMs, clock.monotonicMs() - beganMs);
  }
  for (const bytes of [from, to]) bytes.buffer.transfer(0); // given back at once
  return (2 * STREAM_BYTES * 1_000) / bestMs;
}
