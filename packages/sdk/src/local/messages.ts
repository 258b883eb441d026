/** What a local run and its worker processes say to each other. */
import type { DatasetManifest, FaultReport, TrainUnit } from "@pingo/core";
import type { StoredProgram, UnitResult } from "@pingo/training";

export interface LocalTask {
  readonly unit: TrainUnit;
  readonly manifest: DatasetManifest;
  readonly program: StoredProgram;
  readonly weights: Float32Array;
}

/** From a worker: one after each task, and one when it is up. */
export type LocalReply =
  | { readonly type: "ready" }
  | { readonly type: "steps"; readonly step: number; readonly loss: number }
  | { readonly type: "done"; readonly result: UnitResult }
  | { readonly type: "fault"; readonly fault: FaultReport };
