/** What an idle computer offers: measured or said by its owner, never guessed. */
import { z } from "zod";
import type { NodeId } from "./ids.ts";
import { LIMITS } from "./limits.ts";
import { zCount, zNodeId } from "./schema.ts";

/** As of `measuredAtUnixMs` of its own clock. */
export interface Offer {
  readonly provider: NodeId;
  /** Units it will run side by side. */
  readonly slots: number;
  readonly cpuMillicores: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
  /** Measured by a short sgemm; 0 while unknown. */
  readonly gflops: number;
  readonly measuredAtUnixMs: number;
  /** Kinds of work that it takes; absent: Train alone, as pages do. */
  readonly kinds?: readonly WorkKind[];
  /** Beyond this moment; absent where a provider of an older version does not say. */
  readonly terms?: OfferTerms;
}

export const WORK_KINDS = ["Train", "Run"] as const;
export type WorkKind = (typeof WORK_KINDS)[number];

export function takesKind({ kinds = ["Train"] }: Pick<Offer, "kinds">, kind: WorkKind): boolean {
  return kinds.includes(kind);
}

export interface OfferTerms {
  /** How fast one thread streams through memory that no cache holds; 0 while unknown. */
  readonly memoryBytesPerSecond: number;
  /** Of the link to this fog node, learned from what was carried; 0 while unknown. */
  readonly downBytesPerSecond: number;
  readonly upBytesPerSecond: number;
  /** Chance in percent that it lends, for each hour of the week of UTC from Monday 00:00 on; empty while unknown. */
  readonly availability: readonly number[];
  /** How long before the computer is taken back its fog node is told; 0 for one that anybody may sit down at. */
  readonly reclaimNoticeMs: number;
  /** Decimal nano-PINGO as text, as in a job's budget; "0" asks nothing. */
  readonly priceNanoPerCpuHour: string;
}

export const HOURS_PER_WEEK = 168;
const HOUR_MS = 3_600_000;
/** 1970-01-01 was a Thursday. */
const EPOCH_HOUR_OF_WEEK = 3 * 24;

/** Of UTC; 0 is Monday 00:00 to 01:00. */
export function hourOfWeek(unixMs: number): number {
  const hour = Math.floor(unixMs / HOUR_MS) + EPOCH_HOUR_OF_WEEK;
  return ((hour % HOURS_PER_WEEK) + HOURS_PER_WEEK) % HOURS_PER_WEEK;
}

/** Percent, at this time; undefined while unknown. */
export function availabilityAt(terms: OfferTerms | undefined, unixMs: number): number | undefined {
  return terms?.availability[hourOfWeek(unixMs)];
}

const zSpeed = z.number().nonnegative().max(LIMITS.offerBytesPerSecondMax);

export const zOfferTerms: z.ZodType<OfferTerms> = z.strictObject({
  memoryBytesPerSecond: zSpeed,
  downBytesPerSecond: zSpeed,
  upBytesPerSecond: zSpeed,
  availability: z
    .array(z.int().min(0).max(100))
    .max(HOURS_PER_WEEK)
    .refine(({ length }) => length === 0 || length === HOURS_PER_WEEK, {
      error: `expected none or ${HOURS_PER_WEEK} hours`,
    }),
  reclaimNoticeMs: z.int().min(0).max(LIMITS.reclaimNoticeMsMax),
  priceNanoPerCpuHour: z.string().regex(/^\d{1,19}$/, "expected decimal nano-PINGO"),
});

export const zOffer: z.ZodType<Offer> = z.strictObject({
  provider: zNodeId,
  slots: z.int().min(0).max(LIMITS.leasesPerProviderMax),
  cpuMillicores: zCount,
  memoryBytes: zCount,
  diskBytes: zCount,
  gflops: z.number().nonnegative(),
  measuredAtUnixMs: zCount,
  kinds: z.array(z.enum(WORK_KINDS)).max(WORK_KINDS.length).exactOptional(),
  terms: zOfferTerms.exactOptional(),
});
