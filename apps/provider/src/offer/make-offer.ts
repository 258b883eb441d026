/** What is offered at this moment: what the owner lends, what the computer has, and what was measured and learned of it. */
import { statfs } from "node:fs/promises";
import { type Clock, type NodeId, type Offer, WORK_KINDS } from "@pingo/core";
import type { OwnerDecision, OwnerPolicy } from "@pingo/scheduler";
import type { OfferStatus } from "@pingo/scheduler/status";
import type { Benchmark } from "./benchmark.ts";
import type { LendingHistory } from "./lending-history.ts";
import type { LinkMeter } from "./link-meter.ts";

/** One core for a unit: it trains on one thread. */
const MILLICORES_PER_SLOT = 1_000;
const NOTHING = { slots: 0, cpuMillicores: 0, memoryBytes: 0 } as const;

export interface OfferInputs {
  readonly provider: NodeId;
  readonly folder: string;
  readonly cacheBytesMax: () => number;
  /** That could take a unit: 0 until the first is warm. */
  readonly slots: () => number;
  /** Lent where no policy is in force. */
  readonly memoryBytes: () => number;
  /** Undefined where no policy is in force. */
  readonly owner: () =>
    | { readonly decision: OwnerDecision | undefined; readonly policy: OwnerPolicy }
    | undefined;
  readonly benchmark: Benchmark;
  readonly link: LinkMeter;
  readonly history: LendingHistory;
  readonly clock: Clock;
}

export async function makeOffer(inputs: OfferInputs): Promise<Offer> {
  const { provider, folder, cacheBytesMax, owner, benchmark, link, history, clock } = inputs;
  const { bavail, bsize } = await statfs(folder);
  const nowUnixMs = clock.nowUnixMs();
  const policy = owner()?.policy;
  return {
    provider,
    ...lentOf(inputs),
    diskBytes: Math.min(cacheBytesMax(), bavail * bsize),
    gflops: benchmark.measured?.gflops ?? 0,
    measuredAtUnixMs: nowUnixMs,
    kinds: WORK_KINDS,
    terms: {
      memoryBytesPerSecond: benchmark.measured?.memoryBytesPerSecond ?? 0,
      downBytesPerSecond: link.downBytesPerSecond,
      upBytesPerSecond: link.upBytesPerSecond,
      availability: history.utc(nowUnixMs),
      reclaimNoticeMs: policy?.reclaimNoticeMs ?? 0,
      priceNanoPerCpuHour: String(policy?.priceNanoPerCpuHour ?? 0n),
    },
  };
}

/** As `pingo node status` shows it: hours by the owner's clock. */
export function offerStatusOf(offer: Offer, { benchmark, history }: OfferInputs): OfferStatus {
  const { slots, cpuMillicores, memoryBytes, diskBytes, gflops, terms } = offer;
  return {
    ...{ slots, cpuMillicores, memoryBytes, diskBytes, gflops },
    memoryBytesPerSecond: terms?.memoryBytesPerSecond ?? 0,
    downBytesPerSecond: terms?.downBytesPerSecond ?? 0,
    upBytesPerSecond: terms?.upBytesPerSecond ?? 0,
    availability: history.local,
    reclaimNoticeMs: terms?.reclaimNoticeMs ?? 0,
    priceNanoPerCpuHour: terms?.priceNanoPerCpuHour ?? "0",
    benchmarkedAtUnixMs: benchmark.measured?.atUnixMs ?? null,
  };
}

/** No more slots than the owner lends cores; none while nothing new is taken. */
export function lentOf({
  slots,
  memoryBytes,
  owner,
}: OfferInputs): Pick<Offer, "slots" | "cpuMillicores" | "memoryBytes"> {
  const lender = owner();
  if (lender === undefined) {
    return { slots: slots(), cpuMillicores: slots() * MILLICORES_PER_SLOT, memoryBytes: memoryBytes() };
  }
  if (lender.decision === undefined) return NOTHING;
  const { verdict, acceptsWork } = lender.decision;
  if (!acceptsWork || !("cores" in verdict)) return NOTHING;
  const lent = Math.min(slots(), verdict.cores);
  return {
    slots: lent,
    // A part of a core is offered as a part: a unit that wants a whole one goes elsewhere.
    cpuMillicores: Math.floor(Math.min(lent, verdict.cores * verdict.duty) * MILLICORES_PER_SLOT),
    memoryBytes: verdict.memoryBytes,
  };
}
