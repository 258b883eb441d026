/** Work that looks for a provider: what it needs, and who is out of the question. */
import type { Cid, NodeId, WorkKind } from "@pingo/core";
import type { Capacity, OfferState } from "./offer.ts";

/** Takes one slot. */
export interface Demand {
  /** Unique in a snapshot. */
  readonly id: string;
  /** Absent: Train. */
  readonly kind?: WorkKind;
  readonly cpuMillicores: number;
  readonly memoryBytes: number;
  readonly diskBytes?: number;
  /** Expected work, for those who estimate; the plan does not read it. */
  readonly gflop?: number;
  readonly shards?: readonly Cid[];
  /** Providers that failed at this very work. */
  readonly excluded?: readonly NodeId[];
}

export function takeFrom(capacity: Capacity, demand: Demand): void {
  capacity.slots -= 1;
  capacity.cpuMillicores -= demand.cpuMillicores;
  capacity.memoryBytes -= demand.memoryBytes;
  capacity.diskBytes -= demand.diskBytes ?? 0;
}

export function shardsHeld(demand: Demand, offer: OfferState): number {
  const held = offer.heldShards;
  if (!held) return 0;
  return demand.shards?.reduce((count, shard) => count + (held.has(shard) ? 1 : 0), 0) ?? 0;
}
