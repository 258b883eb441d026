/** Why no program can be built of a model and a job; each sentence says which of the two to change. */
import { FaultError, formatBytes, type Sentences } from "@pingo/core";

export type ProgramFault =
  | {
      readonly code: "OPTION_INVALID";
      readonly option: string;
      readonly found: string;
      /** As the end of a sentence. */
      readonly expected: string;
    }
  | { readonly code: "TARGET_MISSING"; readonly target: string; readonly fields: readonly string[] }
  | { readonly code: "FIELD_MISSING"; readonly input: string; readonly fields: readonly string[] }
  | {
      readonly code: "FIELD_MISMATCH";
      readonly field: string;
      readonly has: string;
      readonly input: string;
      readonly wants: string;
      /** It is the loss that does not take it, and no input of the model. */
      readonly isTarget: boolean;
    }
  | {
      readonly code: "NOTHING_TO_TRAIN";
      readonly output: string;
      /** The operator between the parameters and the output that lets no gradient pass. */
      readonly cut: { readonly op: string; readonly node: string } | null;
      /** Numbers and masks: they are trained only where the job says so. */
      readonly leftOut: readonly string[];
    }
  | {
      readonly code: "PATTERN_UNMATCHED";
      /** Where the job has it. */
      readonly key: string;
      readonly pattern: string;
      readonly nearest: readonly string[];
    }
  | {
      readonly code: "TARGET_UNMATCHED";
      readonly pattern: string;
      readonly nearest: readonly string[];
    }
  | {
      readonly code: "OUTPUT_UNKNOWN";
      readonly output: string;
      readonly nearest: string | null;
      readonly outputs: readonly string[];
    }
  | {
      readonly code: "OUTPUT_MISFIT";
      readonly output: string;
      readonly loss: string;
      readonly why: string;
    }
  | {
      readonly code: "BATCH_BAKED_IN";
      readonly node: string;
      readonly exported: number;
      readonly batchSize: number;
    }
  | { readonly code: "BATCH_UNEVEN"; readonly batchSize: number; readonly microBatches: number }
  | {
      readonly code: "MEMORY_LIMIT";
      readonly limitBytes: number;
      /** Of the smallest layout there is. */
      readonly neededBytes: number;
      readonly hasBatchNorm: boolean;
    }
  | { readonly code: "SIZE_UNKNOWN"; readonly node: string; readonly op: string; readonly size: string }
  | {
      readonly code: "SIZE_TOO_LARGE";
      readonly node: string;
      readonly op: string;
      readonly elements: number;
      readonly max: number;
    }
  | { readonly code: "WEIGHTS_MISMATCH"; readonly length: number; readonly expected: number }
  | {
      readonly code: "PARAMETER_MISMATCH";
      readonly parameter: string;
      readonly trained: readonly number[];
      /** Null where the model has none of that name. */
      readonly has: readonly number[] | null;
    };

const SENTENCES: Sentences<ProgramFault> = {
  OPTION_INVALID: (f) => `the option ${f.option} is ${f.found}; expected ${f.expected}`,
  TARGET_MISSING: (f) =>
    `the data set has no tensor "${f.target}" to be the target; it has ${list(f.fields)}: set objective.target to one of them`,
  FIELD_MISSING: (f) =>
    `the model's input "${f.input}" has no data set tensor of that name; there are ${list(f.fields)}: rename one`,
  FIELD_MISMATCH: (f) =>
    `the data set tensor "${f.field}" is ${f.has}, but ${f.input} wants ${f.wants}: ` +
    (f.isTarget
      ? "set objective.target to another tensor, or choose another loss"
      : "reshape the data or change the model"),
  NOTHING_TO_TRAIN: ({ output, cut, leftOut }) => {
    if (cut !== null)
      return (
        `no gradient comes from the output "${output}" to any parameter: node "${cut.node}" (${cut.op}) lets none pass, ` +
        "since its result does not move with small steps of its input; leave it out, or take an output before it"
      );
    const hint =
      leftOut.length > 0 ? `; ${list(leftOut.slice(0, 3))} would be trained if alsoTrain named them` : "";
    return `no parameter of the model leads to its output "${output}": export it with its float32 weights as initializers, and freeze fewer${hint}`;
  },
  PATTERN_UNMATCHED: (f) => {
    const hint = f.nearest.length > 0 ? `; the nearest names are ${list(f.nearest)}` : "";
    return `${f.key}: the pattern "${f.pattern}" matches no parameter of the model${hint}`;
  },
  TARGET_UNMATCHED: (f) => {
    const near =
      f.nearest.length > 0
        ? `the nearest names are ${list(f.nearest)}`
        : "the model has no product with a float32 weight";
    return `adapt.lora.targets: the pattern "${f.pattern}" matches no weight that takes an adapter; ${near}`;
  },
  OUTPUT_UNKNOWN: (f) => {
    const hint = f.nearest === null ? "" : `did you mean "${f.nearest}"? `;
    return `objective.output: the model has no output "${f.output}"; ${hint}its outputs are ${list(f.outputs)}`;
  },
  OUTPUT_MISFIT: (f) => `the model's output "${f.output}" does not fit the loss ${f.loss}: ${f.why}`,
  BATCH_BAKED_IN: (f) =>
    `the model was exported for a batch of ${f.exported} and node "${f.node}" does not work with ${f.batchSize}: export it with a dynamic batch axis, or set the batch size to ${f.exported}`,
  BATCH_UNEVEN: (f) =>
    `a batch of ${f.batchSize} rows cannot be cut into ${f.microBatches} micro-batches of as many rows: make the batch size a multiple of ${f.microBatches}`,
  MEMORY_LIMIT: (f) =>
    `training takes ${formatBytes(f.neededBytes)} at least, and ${formatBytes(f.limitBytes)} are allowed: ` +
    (f.hasBatchNorm
      ? "raise the limit, take a smaller batch, or set microBatches yourself: batch norm then sees the rows of a pass"
      : "raise the limit, freeze parameters, or take a smaller model"),
  SIZE_UNKNOWN: (f) =>
    `node "${f.node}" (${f.op}) makes a tensor whose size ${f.size} depends on the data: training needs sizes that are known before the run, so export the model without it`,
  SIZE_TOO_LARGE: (f) =>
    `node "${f.node}" (${f.op}) makes a tensor of ${f.elements} elements, and at most ${f.max} are accepted: make the batch or the model smaller`,
  WEIGHTS_MISMATCH: (f) =>
    `the weights have ${f.length} numbers, but the model's parameters are ${f.expected}`,
  PARAMETER_MISMATCH: ({ parameter, trained, has }) =>
    `the parameter "${parameter}" was trained as [${trained}], and the model has ` +
    `${has === null ? "none of that name" : `it as [${has}]`}: give the model, and the adapters' rank and targets, that were trained`,
};

export class ProgramError extends FaultError<ProgramFault> {
  override readonly name = "ProgramError";
  constructor(fault: ProgramFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}

function list(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(", ");
}
