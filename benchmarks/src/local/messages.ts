/** What the parent of a local run and its worker processes say to each other. */
import type { DatasetManifest, TrainUnit } from "@pingo/core";
import type { StoredProgram } from "@pingo/training";

export interface LocalTask {
  readonly unit: TrainUnit;
  readonly manifest: DatasetManifest;
  readonly program: StoredProgram;
  readonly weights: Float32Array;
}

export interface LocalResult {
  readonly update: Float32Array;
  readonly rows: number;
}
