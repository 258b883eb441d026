/** Faults of training: data that does not fit, updates that cannot be merged, vectors of the wrong length. */
import { FaultError, type Sentences } from "@pingo/core";

export type TrainingFault =
  | { readonly code: "VECTOR_LENGTH"; readonly bytes: number; readonly expected: number }
  | { readonly code: "UNIT_MISFIT"; readonly why: string }
  | {
      readonly code: "UPDATE_LENGTH";
      readonly update: number;
      readonly length: number;
      readonly expected: number;
    }
  | { readonly code: "UPDATE_NOT_FINITE"; readonly update: number; readonly parameter: string }
  | { readonly code: "LOSS_NOT_FINITE"; readonly step: number }
  | { readonly code: "NO_UPDATES" }
  | {
      readonly code: "DATASET_EMPTY";
      readonly dataset: string;
      readonly rows: number;
      readonly batchSize: number;
    }
  | { readonly code: "DATASET_MISFIT"; readonly dataset: string; readonly why: string }
  | {
      readonly code: "TARGET_MISSING";
      readonly dataset: string;
      readonly target: string;
      readonly fields: readonly string[];
    }
  | {
      readonly code: "SHAPE_MISMATCH";
      readonly dataset: string;
      readonly field: string;
      readonly found: string;
      readonly expected: string;
    }
  | {
      readonly code: "LABEL_OUT_OF_RANGE";
      readonly dataset: string;
      readonly field: string;
      readonly row: number;
      readonly label: string;
      readonly classes: number;
    }
  | {
      readonly code: "TARGET_OUT_OF_RANGE";
      readonly dataset: string;
      readonly field: string;
      readonly row: number;
      readonly found: string;
      readonly loss: string;
    }
  | {
      readonly code: "DATA_NOT_FINITE";
      readonly dataset: string;
      readonly field: string;
      readonly row: number;
      readonly found: string;
    };

const SENTENCES: Sentences<TrainingFault> = {
  VECTOR_LENGTH: (f) => `the weights have ${f.bytes} bytes; this program has ${f.expected}`,
  UNIT_MISFIT: (f) => `the work unit does not fit its program: ${f.why}`,
  UPDATE_LENGTH: (f) => `update ${f.update} has ${f.length} numbers; the program has ${f.expected}`,
  UPDATE_NOT_FINITE: (f) =>
    `update ${f.update} holds a number that is not finite in "${f.parameter}"; it cannot be merged`,
  LOSS_NOT_FINITE: (f) =>
    `the loss was no longer finite by step ${f.step}; lower optimizer.adamw.learningRate and submit again`,
  NO_UPDATES: () => "there is no update to merge; a round needs at least one",
  DATASET_EMPTY: (f) =>
    `the ${f.dataset} data has ${f.rows} rows; a batch takes ${f.batchSize}: add data or lower schedule.batchSize`,
  DATASET_MISFIT: (f) => `the ${f.dataset} data does not fit its manifest: ${f.why}`,
  TARGET_MISSING: (f) =>
    `the ${f.dataset} data has no tensor "${f.target}", which objective.target names; it has ${f.fields.join(", ")}`,
  SHAPE_MISMATCH: (f) =>
    `the tensor "${f.field}" of the ${f.dataset} data is ${f.found}; expected ${f.expected}`,
  LABEL_OUT_OF_RANGE: (f) =>
    `row ${f.row} of "${f.field}" in the ${f.dataset} data holds label ${f.label}; ` +
    `the model has ${f.classes} classes, so labels are 0 to ${f.classes - 1}`,
  TARGET_OUT_OF_RANGE: (f) =>
    `row ${f.row} of "${f.field}" in the ${f.dataset} data holds ${f.found}; the loss ${f.loss} takes targets from 0 to 1`,
  DATA_NOT_FINITE: (f) =>
    `row ${f.row} of "${f.field}" in the ${f.dataset} data holds ${f.found}; every number must be finite`,
};

export class TrainingError extends FaultError<TrainingFault> {
  override readonly name = "TrainingError";
  constructor(fault: TrainingFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}
