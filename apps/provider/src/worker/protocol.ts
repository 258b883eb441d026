/** What the agent and its worker process say to each other (worker-channel.ts). */
import { type Cid, type LeaseId, type WorkUnit, zCid, zCount, zLeaseId } from "@pingo/core";
import type { UnitOutcome } from "@pingo/lending/unit";
import { z } from "zod";

export type WorkerTask =
  /** As many passes, each a third of a second; the best of each counts. */
  | { readonly type: "measure"; readonly passes: number }
  /** A unit of this program is about to come, and its blocks lie there: no answer, the unit tells what went wrong. */
  | { readonly type: "prepare"; readonly program: Cid; readonly blocksFolder: string }
  | {
      readonly type: "run";
      readonly lease: LeaseId;
      readonly unit: WorkUnit;
      /** Blocks of all that the unit names are in here. */
      readonly blocksFolder: string;
      /** The worker writes the update's blocks in here. */
      readonly updateFolder: string;
    }
  | { readonly type: "cancel"; readonly lease: LeaseId }
  /** Ends at the next checkpoint with what is done, as at the deadline. */
  | { readonly type: "flush"; readonly lease: LeaseId };

/** Of one thread. */
export interface Speed {
  readonly gflops: number;
  readonly memoryBytesPerSecond: number;
}

export type WorkerReport =
  | { readonly type: "ready" }
  | { readonly type: "measured"; readonly speed: Speed }
  | {
      readonly type: "progress";
      readonly lease: LeaseId;
      readonly step: number;
      /** Null where it is no number, which JSON has no word for. */
      readonly loss: number | null;
    }
  | { readonly type: "done"; readonly lease: LeaseId; readonly outcome: UnitOutcome }
  | {
      readonly type: "failed";
      readonly lease: LeaseId | null;
      readonly code: string;
      readonly message: string;
    };

const zAmount = z.number().nonnegative();

/** As far as the agent relies on it; what goes on into a receipt is checked there again. */
const zOutcome: z.ZodType<UnitOutcome> = z.strictObject({
  steps: zCount,
  rows: zCount,
  lossMean: z.number(),
  cpuMs: zAmount,
  peakBytes: zAmount.exactOptional(),
  update: zCid,
  startedAtUnixMs: zAmount,
  endedAtUnixMs: zAmount,
});

export const CODE_CHARS_MAX = 64;
export const MESSAGE_CHARS_MAX = 4_096;

/** The agent's side: a worker's word is a stranger's. */
export const zWorkerReport: z.ZodType<WorkerReport> = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("ready") }),
  z.strictObject({
    type: z.literal("measured"),
    speed: z.strictObject({ gflops: zAmount, memoryBytesPerSecond: zAmount }),
  }),
  z.strictObject({
    type: z.literal("progress"),
    lease: zLeaseId,
    step: zCount,
    loss: z.number().nullable(),
  }),
  z.strictObject({ type: z.literal("done"), lease: zLeaseId, outcome: zOutcome }),
  z.strictObject({
    type: z.literal("failed"),
    lease: zLeaseId.nullable(),
    code: z.string().max(CODE_CHARS_MAX),
    message: z.string().max(MESSAGE_CHARS_MAX),
  }),
]);
