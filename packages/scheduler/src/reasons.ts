/** Why a provider does not get work: a closed set, checked in this order, each with a sentence. */
import { formatBytes, formatDuration, takesKind } from "@pingo/core";
import type { Demand } from "./demand.ts";
import { ageMs, type Capacity, OFFER_STALE_MS, type OfferState } from "./offer.ts";

/** Facts about the provider alone, then about provider and demand, then about the competition. */
export const REASON_CODES = [
  "DISCONNECTED",
  "OFFER_STALE",
  "NOTHING_OFFERED",
  "NO_FREE_SLOT",
  "EXCLUDED",
  "KIND_NOT_TAKEN",
  "CPU_TOO_SMALL",
  "MEMORY_TOO_SMALL",
  "DISK_TOO_SMALL",
  "OUTRANKED",
  "NO_DEMAND",
] as const;
export type ReasonCode = (typeof REASON_CODES)[number];

export interface Reason {
  readonly reason: ReasonCode;
  readonly sentence: string;
}

/** Why this provider can take nothing at all, or undefined. */
export function refusalOfAny(offer: OfferState, left: Capacity, nowUnixMs: number): Reason | undefined {
  if (!offer.connected) return { reason: "DISCONNECTED", sentence: "it is not connected" };
  const age = ageMs(offer, nowUnixMs);
  if (age > OFFER_STALE_MS) {
    return { reason: "OFFER_STALE", sentence: `it was last heard of ${formatDuration(age)} ago` };
  }
  if (offer.slots === 0) return { reason: "NOTHING_OFFERED", sentence: "its owner offers no slot now" };
  if (left.slots < 1) {
    return { reason: "NO_FREE_SLOT", sentence: `all of its ${offer.slots} slots are busy` };
  }
  return undefined;
}

/** Why this provider cannot take this demand, or undefined when it can. */
export function refusalOf(
  offer: OfferState,
  left: Capacity,
  demand: Demand,
  nowUnixMs: number,
): Reason | undefined {
  const refusal = refusalOfAny(offer, left, nowUnixMs);
  if (refusal) return refusal;
  if (demand.excluded?.includes(offer.provider)) {
    return { reason: "EXCLUDED", sentence: `it failed at ${demand.id} before` };
  }
  if (!takesKind(offer, demand.kind ?? "Train")) {
    return { reason: "KIND_NOT_TAKEN", sentence: `it takes no work of kind ${demand.kind}` };
  }
  if (demand.cpuMillicores > left.cpuMillicores) {
    return {
      reason: "CPU_TOO_SMALL",
      sentence: `${demand.id} needs ${demand.cpuMillicores}m of CPU; it has ${Math.floor(left.cpuMillicores)}m free`,
    };
  }
  if (demand.memoryBytes > left.memoryBytes) {
    return {
      reason: "MEMORY_TOO_SMALL",
      sentence: `${demand.id} needs ${formatBytes(demand.memoryBytes)} of memory; it has ${formatBytes(left.memoryBytes)} free`,
    };
  }
  const diskBytes = demand.diskBytes ?? 0;
  if (diskBytes > left.diskBytes) {
    return {
      reason: "DISK_TOO_SMALL",
      sentence: `${demand.id} needs ${formatBytes(diskBytes)} of disk; it has ${formatBytes(left.diskBytes)} free`,
    };
  }
  return undefined;
}

export function outranked(demand: Demand): Reason {
  return { reason: "OUTRANKED", sentence: `it fits ${demand.id}, but a better placed provider took it` };
}

export function noDemand(): Reason {
  return { reason: "NO_DEMAND", sentence: "no work is waiting" };
}
