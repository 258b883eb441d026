/**
 * A job on this machine alone: the same job file, programs, data and evaluation, and nobody else.
 *
 * With one process every step is taken in one place, which is what distributed training is compared with. With more,
 * rounds and units are the network's, without the network: what is left to compare is what the network costs.
 */
import {
  type Evaluation,
  startEvaluator,
  startTrainer,
  type Tensor,
  trainedModel,
  writeModel,
} from "@pingo/autograd";
import { type Cid, type Clock, cidOfBytes, cidOfValue, encodeCanonical, type TrainJob } from "@pingo/core";
import { systemDisk } from "@pingo/core/system";
import { type BlockWriter, createDiskBlocks, encodeAdapters, readManifest, writeFile } from "@pingo/storage";
import {
  encodeVector,
  type LocalProgress,
  type LocalProvenance,
  type LocalTraining,
  type StoredProgram,
  trainInRounds,
  trainSequentially,
} from "@pingo/training";
import { packJob } from "../pack-job.ts";
import type { PreparedJob } from "../prepare-job.ts";
import { type Environment, startProcesses } from "./processes.ts";

export interface LocalOptions {
  /** 1 unless given. */
  readonly processes?: number;
  /** Where several processes find the data; the caller removes it. */
  readonly scratchFolder: string;
  /** Of the several processes; this one's unless given, and then without huge pages. */
  readonly environment?: Environment;
  /** Without: as the job's data has it. */
  readonly isEvaluated?: boolean;
  readonly clock: Clock;
  /** Aborted: it stops within a step (one process) or gives the round up, and returns what is done. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: LocalProgress) => void;
}

export interface LocalResult extends LocalTraining {
  /** ONNX bytes, the trained weights inside: their running mean where the job asks for it. */
  readonly model: Uint8Array;
  /** Where `model` has the mean: with the last weights. */
  readonly rawModel: Uint8Array | null;
  /** Where adapters were trained: they alone, as safetensors. */
  readonly adapters: Uint8Array | null;
  readonly provenance: LocalProvenance;
}

/**
 * A job for a single process is prepared as one `isInOnePlace`.
 *
 * The tensors of the job are moved to where they are needed: prepare it again for another run.
 *
 * @throws {TrainingError | RuntimeError | LocalError}
 */
export async function trainHere(prepared: PreparedJob, options: LocalOptions): Promise<LocalResult> {
  const { clock, processes = 1, signal, onProgress, isEvaluated = true } = options;
  const { programs, test } = prepared;
  const startedAtUnixMs = clock.nowUnixMs();
  const blocks =
    processes === 1 ? NAMES_ONLY : createDiskBlocks({ folder: options.scratchFolder, disk: systemDisk });
  const job = await packJob(prepared, blocks);
  const graph = await writeFile(blocks, programs.train.graph);
  const shared = { clock, ...(signal && { signal }), ...(onProgress && { onProgress }) };
  await using held = isEvaluated && test !== null ? await openHeldOut(prepared, test.tensors) : null;
  const evaluate = held === null ? null : held.evaluate;
  const trained =
    processes === 1
      ? await inOnePlace(prepared, job, evaluate, shared)
      : await inProcesses(prepared, job, graph, evaluate, { ...options, processes });
  const nameOf = (weights: Float32Array): Promise<Cid> => writeFile(NAMES_ONLY, encodeVector(weights));
  return {
    ...trained,
    ...filesOf(prepared, job, trained),
    provenance: {
      kind: "pingo/local-provenance/v1",
      job,
      graph,
      weights: {
        initial: await nameOf(programs.train.initialWeights),
        final: await nameOf(trained.weights),
        ...(trained.average && { average: await nameOf(trained.average) }),
      },
      processes,
      isComplete: trained.isComplete,
      startedAtUnixMs,
      endedAtUnixMs: clock.nowUnixMs(),
    },
  };
}

function filesOf(
  { programs, model: { graph } }: PreparedJob,
  { adapt, seed }: TrainJob,
  { weights, average }: LocalTraining,
): Pick<LocalResult, "model" | "rawModel" | "adapters"> {
  const training = { signature: programs.train.signature, seed, ...(adapt && { adapt }) };
  const { model, adapters } = trainedModel(graph, training, average ?? weights);
  return {
    model: writeModel(model),
    rawModel: average && writeModel(trainedModel(graph, training, weights).model),
    adapters: adapt && adapters ? encodeAdapters(adapters, adapt.lora) : null,
  };
}

/** Names blocks and keeps none. */
const NAMES_ONLY: BlockWriter = { put: async (bytes, codec) => cidOfBytes(bytes, codec) };

type Evaluate = (weights: Float32Array) => Promise<Evaluation>;
type Shared = Pick<LocalOptions, "clock" | "signal" | "onProgress">;

async function openHeldOut(
  { programs }: PreparedJob,
  fields: ReadonlyMap<string, Tensor>,
): Promise<AsyncDisposable & { readonly evaluate: Evaluate }> {
  const evaluator = await startEvaluator(programs.evaluation, { isTuned: true });
  return {
    evaluate: (weights) => evaluator.evaluate(weights, fields),
    [Symbol.asyncDispose]: () => evaluator[Symbol.asyncDispose](),
  };
}

async function inOnePlace(
  { programs, train }: PreparedJob,
  job: TrainJob,
  evaluate: Evaluate | null,
  options: Shared,
): Promise<LocalTraining> {
  await using trainer = await startTrainer(programs.train, { isTuned: true });
  await trainer.setFields(train.tensors);
  const weights = programs.train.initialWeights;
  return await trainSequentially({ job, trainer, evaluate, weights, rows: train.rows }, options);
}

async function inProcesses(
  { programs, file }: PreparedJob,
  job: TrainJob,
  graph: Cid,
  evaluate: Evaluate | null,
  options: LocalOptions & { readonly processes: number },
): Promise<LocalTraining> {
  const { processes: workers, scratchFolder: folder, environment, onProgress } = options;
  const blocks = createDiskBlocks({ folder, disk: systemDisk });
  const { signature, initialWeights } = programs.train;
  const manifest = await readManifest(blocks, job.data.train);
  const program: StoredProgram = { kind: "pingo/program/v1", graph, signature };
  using processes = await startProcesses(workers, folder, environment);
  const stepByUnit = new Map<number, number>();
  return await trainInRounds(
    {
      job,
      jobId: cidOfValue(job),
      manifest,
      program: await blocks.put(encodeCanonical(program), "dagCbor"),
      signature,
      weights: initialWeights,
      workers,
      evaluate,
      runUnits: (units, weights) => {
        stepByUnit.clear();
        const tasks = units.map((unit) => ({ unit, manifest, program, weights }));
        return processes.run(tasks, (unit, step, loss) => {
          stepByUnit.set(unit, step);
          const done = [...stepByUnit.values()].reduce((a, b) => a + b, 0);
          const round = units[unit]?.round ?? 1;
          const steps = units.length * file.schedule.stepsPerRound;
          onProgress?.({ type: "steps", round, step: done, steps, loss });
        });
      },
      nameOf: (weights) => writeFile(NAMES_ONLY, encodeVector(weights)),
    },
    options,
  );
}
