/** What a provider's agent says of itself, in a file of its folder that commands read: never more than a second or two old. */
import { type NodeId, zNodeId } from "@pingo/core";
import { z } from "zod";
import type { Verdict } from "./decide.ts";
import type { OwnerReasonCode } from "./owner-reasons.ts";
import type { OwnerWish } from "./signals.ts";

export const STATUS_FILE = "status.json";
export const WISH_FILE = "wish.json";
export const POLICY_FILE = "policy.yaml";
export const SIZE_FILE = "size.json";
/** Older than this, the agent that wrote it is gone. */
export const STATUS_STALE_MS = 10_000;

export interface ProviderStatus {
  readonly atUnixMs: number;
  readonly provider: NodeId;
  readonly pid: number;
  readonly fog: string;
  readonly isOnline: boolean;
  readonly busySlots: number;
  readonly units: readonly UnitStatus[];
  readonly today: DayStatus;
  /** The last lease that was refused since the agent started; null where all was as agreed. */
  readonly refused: RefusalStatus | null;
  readonly offer: OfferStatus;
  /** Why the file that says how much is lent is not what counts. */
  readonly sizeProblem: string | null;
  /** What keeps workers from work that is nobody's wish. */
  readonly troubles: readonly { readonly code: string; readonly sentence: string }[];
  /** Null where no policy is in force: all is lent, all the time. */
  readonly owner: OwnerStatus | null;
}

/** What the fog node was told last. */
export interface OfferStatus {
  readonly slots: number;
  readonly cpuMillicores: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
  readonly gflops: number;
  readonly memoryBytesPerSecond: number;
  readonly downBytesPerSecond: number;
  readonly upBytesPerSecond: number;
  /** Percent, of the hours of the week by the owner's clock from Monday 00:00 on; empty while unknown. */
  readonly availability: readonly number[];
  readonly reclaimNoticeMs: number;
  readonly priceNanoPerCpuHour: string;
  /** When speed was measured; null while it was not. */
  readonly benchmarkedAtUnixMs: number | null;
}

/** Of one thread, as kept on disk. */
export interface MeasuredSpeed {
  readonly gflops: number;
  readonly memoryBytesPerSecond: number;
  readonly atUnixMs: number;
  /** The two seconds, not the short measurement of a first start. */
  readonly isFull: boolean;
}

/** What was done since midnight. */
export interface DayStatus {
  /** By the owner's clock, as 2026-06-01. */
  readonly date: string;
  readonly units: number;
  readonly steps: number;
  readonly rows: number;
  readonly cpuMs: number;
  /** What the owner's own work used meanwhile, while the agent ran. */
  readonly ownerCpuMs: number;
}

/** A fog node asked for what was not offered. */
export interface RefusalStatus {
  readonly code: string;
  readonly sentence: string;
  readonly atUnixMs: number;
  /** Since the agent started. */
  readonly count: number;
}

/** A unit that was taken and is not over. */
export interface UnitStatus {
  readonly job: string;
  readonly round: number;
  readonly index: number;
  /** 0 while its blocks are fetched and its worker starts. */
  readonly step: number;
  readonly steps: number;
  readonly loss: number | null;
  readonly workerPid: number | null;
}

export interface OwnerStatus {
  readonly verdict: Verdict["kind"];
  readonly cores: number;
  readonly memoryBytes: number;
  readonly acceptsWork: boolean;
  readonly reasons: readonly { readonly code: OwnerReasonCode; readonly sentence: string }[];
  readonly machineMillicores: number;
  /** What the owner's own work uses. */
  readonly foreignMillicores: number | null;
  readonly temperatureCelsius: number | null;
  readonly profile: string;
  /** Why the policy file as it stands is not what counts. */
  readonly policyProblem: string | null;
  /** A sentence for each thing that the system does not tell. */
  readonly missing: readonly string[];
}

export { type OwnerSize, zOwnerSize } from "./size.ts";

export const zOwnerWish: z.ZodType<OwnerWish> = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("none") }),
  z.strictObject({
    kind: z.literal("paused"),
    untilUnixMs: z.number().nonnegative(),
    forMs: z.number().nonnegative().optional(),
  }),
  z.strictObject({ kind: z.literal("finishing") }),
]);

const zReasonCode: z.ZodType<OwnerReasonCode> = z.string().transform((code) => {
  // SAFETY: only printed; an agent of another version may know more codes than we do.
  return code as OwnerReasonCode;
});

export const zDayStatus: z.ZodType<DayStatus> = z.object({
  date: z.string(),
  units: z.number(),
  steps: z.number(),
  rows: z.number(),
  cpuMs: z.number(),
  ownerCpuMs: z.number(),
});

export const zMeasuredSpeed: z.ZodType<MeasuredSpeed> = z.object({
  gflops: z.number().nonnegative(),
  memoryBytesPerSecond: z.number().nonnegative(),
  atUnixMs: z.number(),
  isFull: z.boolean(),
});

export const zProviderStatus: z.ZodType<ProviderStatus> = z.object({
  atUnixMs: z.number(),
  provider: zNodeId,
  pid: z.int(),
  fog: z.string(),
  isOnline: z.boolean(),
  busySlots: z.int(),
  units: z.array(
    z.object({
      job: z.string(),
      round: z.int(),
      index: z.int(),
      step: z.int(),
      steps: z.int(),
      loss: z.number().nullable(),
      workerPid: z.int().nullable(),
    }),
  ),
  today: zDayStatus,
  refused: z
    .object({ code: z.string(), sentence: z.string(), atUnixMs: z.number(), count: z.int() })
    .nullable(),
  offer: z.object({
    slots: z.int(),
    cpuMillicores: z.number(),
    memoryBytes: z.number(),
    diskBytes: z.number(),
    gflops: z.number(),
    memoryBytesPerSecond: z.number(),
    downBytesPerSecond: z.number(),
    upBytesPerSecond: z.number(),
    availability: z.array(z.number()),
    reclaimNoticeMs: z.number(),
    priceNanoPerCpuHour: z.string(),
    benchmarkedAtUnixMs: z.number().nullable(),
  }),
  sizeProblem: z.string().nullable(),
  troubles: z.array(z.object({ code: z.string(), sentence: z.string() })),
  owner: z
    .object({
      verdict: z.enum(["run", "throttle", "suspend", "vacate"]),
      cores: z.number(),
      memoryBytes: z.number(),
      acceptsWork: z.boolean(),
      reasons: z.array(z.object({ code: zReasonCode, sentence: z.string() })),
      machineMillicores: z.number(),
      foreignMillicores: z.number().nullable(),
      temperatureCelsius: z.number().nullable(),
      profile: z.string(),
      policyProblem: z.string().nullable(),
      missing: z.array(z.string()),
    })
    .nullable(),
});
