/**
 * The heavy work on models and data, in a thread of its own, so that the station answers meanwhile: a job
 * is checked and its programs are built, a trained model is written. One task at a time; a thread per task,
 * whose memory goes with it.
 */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { EvaluationProgram, ProgramSignature, TrainProgram } from "@pingo/autograd";
import { type FaultReport, RemoteError, type RunJob, type TrainJob } from "@pingo/core";
import { FogError } from "../fault.ts";
import { type Redone, redo, type WorkToRedo } from "../membership/reexecution.ts";
import { createMailbox } from "./mailbox.ts";

export type ModelTask =
  | { readonly type: "check-pieces"; readonly blocksFolder: string; readonly job: RunJob }
  | { readonly type: "build"; readonly blocksFolder: string; readonly job: TrainJob }
  | {
      readonly type: "export";
      readonly blocksFolder: string;
      readonly job: TrainJob;
      readonly signature: ProgramSignature;
      readonly weights: Float32Array;
    };

export interface ModelAnswers {
  readonly "check-pieces": { readonly checked: true };
  readonly build: { readonly train: TrainProgram; readonly evaluation: EvaluationProgram | null };
  readonly export: ExportedModel;
}

export interface ExportedModel {
  /** ONNX, weights inside and adapters merged. */
  readonly model: Uint8Array;
  /** The adapters alone, as safetensors; null where the model's own weights were trained. */
  readonly adapters: Uint8Array | null;
}

export type ModelAnswer =
  | { readonly ok: ModelAnswers[keyof ModelAnswers] }
  | { readonly fault: FaultReport; readonly stack: string | null };

export interface Modeller extends AsyncDisposable {
  /** @throws {FaultError} why the job cannot be trained */
  build(job: TrainJob): Promise<ModelAnswers["build"]>;
  /** @throws {FaultError} why the module or an input cannot be run with */
  checkPieces(job: RunJob): Promise<void>;
  /** Does a unit again. @returns how far what was delivered is from it. @throws {FaultError} what kept it from being done */
  redo(work: Omit<WorkToRedo, "blocksFolder">, signal: AbortSignal): Promise<Redone>;
  export(job: TrainJob, signature: ProgramSignature, weights: Float32Array): Promise<ExportedModel>;
}

const HEAP_MIB_MAX = 1_024;
const SCRIPT = new URL("modeller-worker.ts", import.meta.url);

export function createModeller(blocksFolder: string): Modeller {
  const mailbox = createMailbox();
  const ending = new AbortController();
  const ask = (task: ModelTask): Promise<ModelAnswers[keyof ModelAnswers]> =>
    mailbox.run(() => runTask(task, ending.signal));
  return {
    async build(job) {
      const answer = await ask({ type: "build", blocksFolder, job });
      if ("train" in answer) return answer;
      throw new FogError({ code: "BUILD_FAILED", why: "it ended without an answer" });
    },
    async checkPieces(job) {
      await ask({ type: "check-pieces", blocksFolder, job });
    },
    redo: (work, signal) => redo({ ...work, blocksFolder }, AbortSignal.any([signal, ending.signal])),
    async export(job, signature, weights) {
      const answer = await ask({ type: "export", blocksFolder, job, signature, weights });
      if ("model" in answer) return answer;
      throw new FogError({ code: "BUILD_FAILED", why: "it ended without an answer" });
    },
    async [Symbol.asyncDispose]() {
      ending.abort(new FogError({ code: "STOPPING" }));
      await mailbox.idle();
    },
  };
}

async function runTask(task: ModelTask, signal: AbortSignal): Promise<ModelAnswers[keyof ModelAnswers]> {
  signal.throwIfAborted();
  const worker = new Worker(SCRIPT, {
    workerData: task,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB_MAX },
  });
  try {
    // `once` rejects when the worker emits "error": out of memory, or a bug.
    const [answer] = await once(worker, "message", { signal });
    return opened(answer);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Error && "code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY") {
      const why = `it needs more than ${HEAP_MIB_MAX} MiB of memory; make the model smaller`;
      throw new FogError({ code: "BUILD_FAILED", why }, { cause: error });
    }
    throw error;
  } finally {
    await worker.terminate();
  }
}

function opened(answer: ModelAnswer): ModelAnswers[keyof ModelAnswers] {
  if ("ok" in answer) return answer.ok;
  if (answer.stack === null) throw new RemoteError(answer.fault);
  throw new Error(`a modeller thread failed: ${answer.stack}`);
}
