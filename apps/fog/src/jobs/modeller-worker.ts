/** One task of the modeller: reads blocks by itself, answers with bytes or a fault, and ends. */
import { parentPort, workerData } from "node:worker_threads";
import { readModel, type Tensor, trainedModel, writeModel } from "@pingo/autograd";
import {
  assertDefined,
  assertNever,
  type Cid,
  type DatasetManifest,
  isFault,
  LIMITS,
  reportOf,
} from "@pingo/core";
import { systemDisk } from "@pingo/core/system";
import {
  type BlockReader,
  createDiskBlocks,
  encodeAdapters,
  readFile,
  readManifest,
  readShards,
  StorageError,
} from "@pingo/storage";
import { checkTrainJob, type DatasetToCheck } from "@pingo/training";
import { FogError } from "../fault.ts";
import type { ModelAnswer, ModelAnswers, ModelTask } from "./modeller.ts";

async function perform(task: ModelTask): Promise<ModelAnswers[keyof ModelAnswers]> {
  const blocks = createDiskBlocks({ folder: task.blocksFolder, disk: systemDisk });
  switch (task.type) {
    case "check-pieces":
      return checkPieces(task, blocks);
    case "build":
      return build(task, blocks);
    case "export":
      return exportModel(task, blocks);
    default:
      return assertNever(task, "unknown model task");
  }
}

async function build(
  { job }: Extract<ModelTask, { type: "build" }>,
  blocks: BlockReader,
): Promise<ModelAnswers["build"]> {
  const model = readModel(await readModelFile(blocks, job.model));
  const train = await datasetOf(blocks, "the training data", job.data.train);
  const test = job.data.test === null ? null : await datasetOf(blocks, "the test data", job.data.test);
  const admission = await checkTrainJob({ job, model, train, test });
  return { train: admission.train, evaluation: test && admission.evaluation };
}

/** Every leaf of the inputs is there, so that no provider is sent to look for one in vain. */
async function checkPieces(
  { job }: Extract<ModelTask, { type: "check-pieces" }>,
  blocks: BlockReader,
): Promise<ModelAnswers["check-pieces"]> {
  const { leavesOf, limitModule, readInput } = await import("@pingo/wasm");
  const module = await namingMissing("the module", () =>
    readFile(blocks, job.module, { sizeBytesMax: LIMITS.moduleBytesMax }),
  );
  limitModule(module, job.limits);
  for (const { cid, name } of job.inputs) {
    const what = `a part of the input ${name}`;
    const tree = await namingMissing(what, () => readInput(blocks, cid));
    for (const leaf of leavesOf(tree))
      if (!(await blocks.has(leaf.cid))) throw new FogError({ code: "BLOCK_MISSING", what, cid: leaf.cid });
  }
  return { checked: true };
}

async function exportModel(
  { job, signature, weights }: Extract<ModelTask, { type: "export" }>,
  blocks: BlockReader,
): Promise<ModelAnswers["export"]> {
  const { adapt, seed } = job;
  const model = readModel(await readModelFile(blocks, job.model));
  const trained = trainedModel(model, { signature, seed, ...(adapt && { adapt }) }, weights);
  const { adapters } = trained;
  return {
    model: writeModel(trained.model),
    adapters: adapt && adapters ? encodeAdapters(adapters, adapt.lora) : null,
  };
}

function readModelFile(blocks: BlockReader, cid: Cid): Promise<Uint8Array> {
  return namingMissing("the model", () => readFile(blocks, cid, { sizeBytesMax: LIMITS.modelBytesMax }));
}

async function datasetOf(blocks: BlockReader, what: string, cid: Cid): Promise<DatasetToCheck> {
  const manifest = await namingMissing(what, () => readManifest(blocks, cid));
  return { manifest, shards: shardsOf(blocks, what, manifest) };
}

async function* shardsOf(
  blocks: BlockReader,
  what: string,
  manifest: DatasetManifest,
): AsyncGenerator<ReadonlyMap<string, Tensor>> {
  for (const [index, shard] of manifest.shards.entries()) {
    yield await namingMissing(`shard ${index} of ${what}`, () => readShards(blocks, manifest, [shard]));
  }
}

async function namingMissing<T>(what: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (!(cause instanceof StorageError && cause.fault.code === "BLOCK_NOT_FOUND")) throw cause;
    throw new FogError({ code: "BLOCK_MISSING", what, cid: cause.fault.cid }, { cause });
  }
}

async function answer(task: ModelTask): Promise<ModelAnswer> {
  try {
    return { ok: await perform(task) };
  } catch (error) {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { fault: reportOf(error), stack: isFault(error) ? null : stack };
  }
}

// SAFETY: workerData is what modeller.ts put there, in this very program.
const task = workerData as ModelTask;
assertDefined(parentPort, "this file runs as a worker thread").postMessage(await answer(task));
