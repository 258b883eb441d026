/** So many requests a second from one address: a bucket that fills again as time passes. */
import type { Clock } from "@pingo/core";

/** Addresses that are remembered; past it all begin anew. */
const ADDRESSES_MAX = 10_000;

interface Bucket {
  left: number;
  atMs: number;
}

export function createRateLimit(perSecond: number, clock: Clock): (address: string) => boolean {
  const buckets = new Map<string, Bucket>();
  return (address) => {
    const nowMs = clock.monotonicMs();
    if (buckets.size > ADDRESSES_MAX) buckets.clear();
    const bucket = buckets.get(address) ?? { left: perSecond, atMs: nowMs };
    bucket.left = Math.min(perSecond, bucket.left + ((nowMs - bucket.atMs) * perSecond) / 1000);
    bucket.atMs = nowMs;
    buckets.set(address, bucket);
    if (bucket.left < 1) return false;
    bucket.left -= 1;
    return true;
  };
}
