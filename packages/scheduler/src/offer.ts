/** What the station knows of a provider when it plans: its offer, and what has happened since. */
import type { Cid, Offer } from "@pingo/core";

/** A provider unheard of for this long is not handed work: three missed heartbeats of the usual lease. */
export const OFFER_STALE_MS = 30_000;
/** Offers of one bucket count as equally fresh, so that held data and speed decide between them. */
export const FRESHNESS_BUCKET_MS = 10_000;

export interface OfferState extends Offer {
  readonly connected: boolean;
  readonly busySlots: number;
  /** What the busy slots take; an equal part of the offer per slot while unknown. */
  readonly busyCpuMillicores?: number;
  readonly busyMemoryBytes?: number;
  /** By the station's clock: the last offer or heartbeat. */
  readonly lastSeenUnixMs: number;
  /** Shards in its cache, as far as the station knows. */
  readonly heldShards?: ReadonlySet<Cid>;
  /** Leases it lost or failed lately. */
  readonly recentFaults: number;
}

/** What is left of an offer; shrinks as a plan hands work out. */
export interface Capacity {
  slots: number;
  cpuMillicores: number;
  memoryBytes: number;
  diskBytes: number;
}

/** Never negative: an owner may lower an offer below what already runs. */
export function capacityLeft(offer: OfferState): Capacity {
  const busyShare = offer.slots === 0 ? 0 : offer.busySlots / offer.slots;
  const busyCpu = offer.busyCpuMillicores ?? offer.cpuMillicores * busyShare;
  const busyMemory = offer.busyMemoryBytes ?? offer.memoryBytes * busyShare;
  return {
    slots: Math.max(0, offer.slots - offer.busySlots),
    cpuMillicores: Math.max(0, offer.cpuMillicores - busyCpu),
    memoryBytes: Math.max(0, offer.memoryBytes - busyMemory),
    diskBytes: offer.diskBytes,
  };
}

/** A clock that jumped back makes an offer fresh, never stale. */
export function ageMs(offer: OfferState, nowUnixMs: number): number {
  return Math.max(0, nowUnixMs - offer.lastSeenUnixMs);
}
