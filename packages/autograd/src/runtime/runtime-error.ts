/** Faults of running a program. All plain values: they cross a thread border and come out the same. */
import { FaultError, type Sentences } from "@pingo/core";
import { OUT_OF_BOUNDS_HINT } from "../graph/out-of-bounds.ts";

export type RuntimeFault =
  | { readonly code: "ENGINE_MISSING"; readonly platform: string; readonly why: string }
  | { readonly code: "WASM_MISSING"; readonly source: string; readonly why: string }
  | {
      readonly code: "WASM_UNKNOWN";
      readonly source: string;
      readonly found: string;
      readonly expected: string;
    }
  | { readonly code: "GRAPH_REJECTED"; readonly why: string }
  | { readonly code: "GRAPH_FAILED"; readonly why: string }
  | { readonly code: "FIELD_MISMATCH"; readonly field: string; readonly why: string }
  | { readonly code: "WEIGHTS_LENGTH"; readonly length: number; readonly expected: number }
  | {
      readonly code: "CHECKPOINT_MISFIT";
      readonly what: string;
      readonly found: number;
      readonly expected: number;
    }
  | { readonly code: "EMA_MISSING" }
  | { readonly code: "CALL_TOO_EARLY"; readonly call: string; readonly first: string }
  | {
      readonly code: "RUN_MISFIT";
      readonly indices: number;
      readonly learningRates: number;
      readonly batchSize: number;
    }
  | { readonly code: "RATE_NOT_FINITE"; readonly step: number; readonly rate: string }
  | { readonly code: "TRAINER_CLOSED" }
  | { readonly code: "INDEX_OUT_OF_RANGE"; readonly index: number; readonly rows: number }
  | { readonly code: "WEIGHTS_NOT_FINITE"; readonly parameter: string; readonly found: string }
  | { readonly code: "LOSS_NOT_FINITE"; readonly step: number; readonly loss: string }
  | { readonly code: "RUN_STOPPED" }
  | { readonly code: "WORKER_ENDED"; readonly exitCode: number; readonly why: string };

/** Words of ONNX Runtime's kernels that read or write by index. */
const OUT_OF_BOUNDS = "out of data bounds";

const SENTENCES: Sentences<RuntimeFault> = {
  ENGINE_MISSING: (f) =>
    `ONNX Runtime does not load on ${f.platform} (${f.why}); ` +
    "it needs Linux with glibc, macOS or Windows on x64 or arm64, and onnxruntime-node installed by `npm ci`",
  WASM_MISSING: (f) =>
    `ONNX Runtime's WebAssembly cannot be read from ${f.source} (${f.why}); ` +
    "it is the file ort-wasm-simd-threaded.wasm of onnxruntime-web: install it, or serve it and name its address as wasmUrl",
  WASM_UNKNOWN: (f) =>
    `${f.source} has the sha256 ${f.found}, not ${f.expected}; ` +
    "another binary may compute other bits: take ort-wasm-simd-threaded.wasm out of onnxruntime-web 1.30.0",
  GRAPH_REJECTED: (f) => `ONNX Runtime does not accept the program: ${f.why}`,
  GRAPH_FAILED: (f) =>
    `ONNX Runtime stopped while running the program: ${f.why}` +
    (f.why.includes(OUT_OF_BOUNDS) ? `; ${OUT_OF_BOUNDS_HINT}` : ""),
  FIELD_MISMATCH: (f) => `the tensor "${f.field}" of the data does not fit the program: ${f.why}`,
  WEIGHTS_LENGTH: (f) => `the weights vector has ${f.length} numbers; the program has ${f.expected}`,
  CHECKPOINT_MISFIT: ({ what, found, expected }) =>
    what === "steps"
      ? `the checkpoint was made after ${found} steps; expected a whole number, 0 at least`
      : `the checkpoint has ${found} numbers of "${what}", and the program keeps ${expected}: resume with the program it was made of`,
  EMA_MISSING: () => "the program keeps no moving average; build it with the option ema: { decay }",
  CALL_TOO_EARLY: (f) => `the trainer was asked for ${f.call} before ${f.first}; call ${f.first} first`,
  RUN_MISFIT: (f) =>
    `a run was given ${f.learningRates} learning rates and ${f.indices} indices; ` +
    `give one rate for each step, one step at least, and ${f.batchSize} indices for each`,
  RATE_NOT_FINITE: (f) =>
    `the learning rate of step ${f.step} of the run is ${f.rate}, which would spoil the weights; give a finite number`,
  TRAINER_CLOSED: () => "the trainer is closed and answers no more calls; start another",
  INDEX_OUT_OF_RANGE: (f) => `a batch asks for row ${f.index}; the data has rows 0 to ${f.rows - 1}`,
  LOSS_NOT_FINITE: (f) =>
    `the loss of step ${f.step} is ${f.loss}; a smaller learning rate or data without extreme values may help`,
  WEIGHTS_NOT_FINITE: (f) =>
    `"${f.parameter}" holds ${f.found}: a step of the run went too far, though its loss, which is from before it, was finite; ` +
    "go back to earlier weights with reset, and take a smaller learning rate",
  RUN_STOPPED: () => "the call was stopped before its last step; the weights are those from before it",
  WORKER_ENDED: (f) => `the training thread has ended with exit code ${f.exitCode}: ${f.why}`,
};

export class RuntimeError extends FaultError<RuntimeFault> {
  override readonly name = "RuntimeError";
  constructor(fault: RuntimeFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}
