/**
 * Everything that can be found wrong with a job before a byte is sent.
 *
 * The same checks run again on the fog node: this one is for the user's sake, that one for the network's.
 */
import { resolve } from "node:path";
import { type Graph, ProgramError, type ProgramSignature, readModel } from "@pingo/autograd";
import { cidOfBytes, type Disk, type FaultError, isFault, LIMITS } from "@pingo/core";
import { type Admission, checkTrainJob, type DatasetToCheck, TrainingError } from "@pingo/training";
import { type DataFile, readDataFile, readFileAtMost } from "./data-file.ts";
import type { JobFile } from "./job-file.ts";
import { FileFaultError } from "./pack-error.ts";
import { trainJobOf } from "./train-job.ts";

/** What travels to the network. */
export type SubmittedParts = Omit<PreparedJob, "programs">;

export interface PreparedJob {
  readonly file: JobFile;
  readonly model: { readonly path: string; readonly bytes: Uint8Array; readonly graph: Graph };
  readonly signature: ProgramSignature;
  readonly programs: Pick<Admission, "train" | "evaluation">;
  readonly train: DataFile;
  readonly test: DataFile | null;
  /** Of the model and all tensors: what an upload sends at most. */
  readonly sizeBytes: number;
}

export interface PrepareOptions {
  /** Paths of the job file are relative to it. */
  readonly folder: string;
  readonly disk: Disk;
  /** Of what training adds to its process; what the job file says of its workers' memory unless given. */
  readonly memoryLimitBytes?: number;
  /** For `trainHere` in a single process, where steps keep the mean that the job asks for. */
  readonly isInOnePlace?: boolean;
}

/** @throws {PackError | FileFaultError | TrainingError} the first thing wrong, with its place */
export async function prepareJob(file: JobFile, options: PrepareOptions): Promise<PreparedJob> {
  const { folder, disk, memoryLimitBytes, isInOnePlace = false } = options;
  const { target } = file.objective;
  const targetPlace = file.placeOf("objective.target");
  const modelPath = resolve(folder, file.model);
  const modelPlace = file.placeOf("model");
  const bytes = await readFileAtMost(modelPath, modelPlace, LIMITS.modelBytesMax, disk);
  const graph = await within(
    () => modelPath,
    () => readModel(bytes),
  );
  const readData = (name: string, key: string): Promise<DataFile> =>
    readDataFile(resolve(folder, name), { place: file.placeOf(key), targetPlace, target }, disk);
  const train = await readData(file.data.train, "data.train");
  const test = file.data.test === null ? null : await readData(file.data.test, "data.test");
  const programs = await within(
    (error) => placeInJob(error, file, memoryLimitBytes === undefined) ?? modelPath,
    () =>
      check(file, {
        model: graph,
        train,
        test,
        isInOnePlace,
        ...(memoryLimitBytes !== undefined && { memoryLimitBytes }),
      }),
  );
  const sizeBytes = bytes.byteLength + bytesOf(train) + (test ? bytesOf(test) : 0);
  const { signature } = programs.train;
  return { file, model: { path: modelPath, bytes, graph }, signature, programs, train, test, sizeBytes };
}

/** Names no block yet: the check reads none. */
const NO_CID = cidOfBytes(new Uint8Array());

interface Parts {
  readonly model: Graph;
  readonly train: DataFile;
  readonly test: DataFile | null;
  readonly memoryLimitBytes?: number;
  readonly isInOnePlace: boolean;
}

async function check(file: JobFile, { train, test, ...parts }: Parts): Promise<Admission> {
  const job = trainJobOf(file, { model: NO_CID, train: NO_CID, test: test ? NO_CID : null });
  return checkTrainJob({ ...parts, job, train: toCheck(train), test: test ? toCheck(test) : null });
}

function toCheck({ rows, fields, tensors }: DataFile): DatasetToCheck {
  const shards = [{ cid: NO_CID, rows, sizeBytes: 1 }];
  return { manifest: { kind: "pingo/dataset/v1", rows, fields, shards }, shards: [tensors] };
}

function bytesOf(file: DataFile): number {
  return [...file.tensors.values()].reduce((sum, tensor) => sum + tensor.data.byteLength, 0);
}

/** Where the job file says what the model does not have. */
function placeInJob(error: FaultError, file: JobFile, isLimitOfJob: boolean): string | undefined {
  if (!(error instanceof ProgramError)) return undefined;
  const { fault } = error;
  if (fault.code === "PATTERN_UNMATCHED") return file.placeOf(fault.key);
  if (fault.code === "TARGET_UNMATCHED") return file.placeOf("adapt.lora.targets");
  if (fault.code === "MEMORY_LIMIT" && isLimitOfJob) return file.placeOf("workers.resources.memory");
  if (fault.code === "FIELD_MISMATCH" && fault.isTarget) return file.placeOf("objective.target");
  return fault.code === "OUTPUT_UNKNOWN" ? file.placeOf("objective.output") : undefined;
}

/** What is wrong with the model is said with its path; what is wrong with the data names the data itself. */
async function within<T>(placeOf: (error: FaultError) => string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isFault(error) && !(error instanceof TrainingError)) throw new FileFaultError(placeOf(error), error);
    throw error;
  }
}
