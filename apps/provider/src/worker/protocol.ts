/** What the agent and its worker process say to each other (node's IPC, structured clone). */
import type { Cid, LeaseId, WorkUnit } from "@pingo/core";
import type { UnitOutcome } from "@pingo/lending/unit";

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
  | { readonly type: "progress"; readonly lease: LeaseId; readonly step: number; readonly loss: number }
  | { readonly type: "done"; readonly lease: LeaseId; readonly outcome: UnitOutcome }
  | {
      readonly type: "failed";
      readonly lease: LeaseId | null;
      readonly code: string;
      readonly message: string;
    };
