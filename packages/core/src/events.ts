/**
 * What happens to a job, as its followers see it: server-sent events with JSON bodies.
 *
 * Durable events have a sequence number and are replayed after `Last-Event-ID`; `progress` has none.
 */
import { z } from "zod";
import type { Cid, NodeId } from "./ids.ts";
import type { JobState } from "./job.ts";
import { type LeftOutGroup, zLeftOutGroups } from "./left-out.ts";
import { zCid, zCount, zNodeId, zSentence } from "./schema.ts";

export type JobEvent =
  | {
      readonly type: "accepted";
      readonly name: string;
      readonly rounds: number;
      readonly memory?: PlannedMemory;
      /** Of its model: what is not trained by a guess; missing where there is none. */
      readonly leftOut?: readonly LeftOutGroup[];
      /** Of a Run job: how many there are. */
      readonly pieces?: number;
    }
  | {
      readonly type: "round-started";
      readonly round: number;
      readonly units: number;
      /** Of all its units together. */
      readonly steps: number;
    }
  | {
      readonly type: "leased";
      readonly round: number;
      readonly unit: number;
      readonly attempt: number;
      readonly provider: NodeId;
    }
  | {
      readonly type: "lost";
      readonly round: number;
      readonly unit: number;
      readonly provider: NodeId;
      readonly reason: string;
    }
  | {
      readonly type: "delivered";
      readonly round: number;
      readonly unit: number;
      readonly provider: NodeId;
      readonly steps: number;
      readonly rows: number;
      readonly loss: number;
      readonly counted: boolean;
      /** Measured: the most that the worker's process was resident, Node and ONNX Runtime included. */
      readonly peakBytes?: number;
    }
  | {
      readonly type: "committed";
      readonly round: number;
      readonly rounds: number;
      readonly loss: number;
      readonly steps: number;
      readonly rows: number;
      readonly weights: Cid;
    }
  /** On the held-out data; may come while the next round already runs. */
  | {
      readonly type: "evaluated";
      readonly round: number;
      readonly loss: number;
      readonly accuracy: number | null;
      /** Where the mean of the rounds is what was measured: the same of the round's own weights. */
      readonly raw?: Measured;
    }
  | { readonly type: "waiting"; readonly reason: string }
  | { readonly type: "finished"; readonly state: JobState; readonly reason: string | null }
  /** Not durable: how far a unit has come. */
  | {
      readonly type: "progress";
      readonly round: number;
      readonly unit: number;
      readonly provider: NodeId;
      readonly step: number;
      readonly steps: number;
      readonly loss: number | null;
    };

/** What training will take of a worker's memory, its rows left out, and how a step is laid out for it. */
export interface PlannedMemory {
  readonly plannedBytes: number;
  readonly microBatches: number;
  readonly recompute: number;
}

/** On the held-out data; accuracy is null where no answer is right or wrong. */
export interface Measured {
  readonly loss: number;
  readonly accuracy: number | null;
}

export interface NumberedEvent {
  /** null for `progress`. */
  readonly sequence: number | null;
  readonly atUnixMs: number;
  readonly event: JobEvent;
}

const zLoss = z.number();
export const zJobEvent: z.ZodType<JobEvent> = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("accepted"),
    name: z.string(),
    rounds: zCount,
    memory: z.strictObject({ plannedBytes: zCount, microBatches: zCount, recompute: zCount }).exactOptional(),
    leftOut: zLeftOutGroups.exactOptional(),
    pieces: zCount.exactOptional(),
  }),
  z.strictObject({ type: z.literal("round-started"), round: zCount, units: zCount, steps: zCount }),
  z.strictObject({
    type: z.literal("leased"),
    round: zCount,
    unit: zCount,
    attempt: zCount,
    provider: zNodeId,
  }),
  z.strictObject({
    type: z.literal("lost"),
    round: zCount,
    unit: zCount,
    provider: zNodeId,
    reason: zSentence,
  }),
  z.strictObject({
    type: z.literal("delivered"),
    round: zCount,
    unit: zCount,
    provider: zNodeId,
    steps: zCount,
    rows: zCount,
    loss: zLoss,
    counted: z.boolean(),
    peakBytes: zCount.exactOptional(),
  }),
  z.strictObject({
    type: z.literal("committed"),
    round: zCount,
    rounds: zCount,
    loss: zLoss,
    steps: zCount,
    rows: zCount,
    weights: zCid,
  }),
  z.strictObject({
    type: z.literal("evaluated"),
    round: zCount,
    loss: zLoss,
    accuracy: z.number().nullable(),
    raw: z.strictObject({ loss: zLoss, accuracy: z.number().nullable() }).exactOptional(),
  }),
  z.strictObject({ type: z.literal("waiting"), reason: zSentence }),
  z.strictObject({
    type: z.literal("finished"),
    state: z.enum(["queued", "running", "succeeded", "failed", "stopped"]),
    reason: zSentence.nullable(),
  }),
  z.strictObject({
    type: z.literal("progress"),
    round: zCount,
    unit: zCount,
    provider: zNodeId,
    step: zCount,
    steps: zCount,
    loss: zLoss.nullable(),
  }),
]);

export const zNumberedEvent: z.ZodType<NumberedEvent> = z.strictObject({
  sequence: zCount.nullable(),
  atUnixMs: zCount,
  event: zJobEvent,
});
