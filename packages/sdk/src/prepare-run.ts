/** Everything that can be found wrong with a Run job before a byte is sent, and then its blocks. */
import { readdir, realpath } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { type Cid, type Disk, isFault, LIMITS, parseCid, type RunJob } from "@pingo/core";
import { type BlockWriter, type FolderSurvey, importFolder, surveyFolder, writeFile } from "@pingo/storage";
import { limitModule } from "@pingo/wasm";
import { readFileAtMost } from "./data-file.ts";
import { FileFaultError, PackError } from "./pack-error.ts";
import type { RunFile } from "./run-file.ts";

export interface PreparedRun {
  readonly kind: "Run";
  readonly file: RunFile;
  /** Whole, or stored already. */
  readonly module: { readonly path: string; readonly bytes: Uint8Array } | { readonly cid: Cid };
  readonly inputs: readonly PreparedInput[];
  readonly pieces: number;
  /** Of module and inputs: what an upload sends at most. */
  readonly sizeBytes: number;
}

export type PreparedInput =
  | { readonly name: string; readonly path: string; readonly survey: FolderSurvey }
  | { readonly name: string; readonly cid: Cid };

export interface PrepareRunOptions {
  /** Paths of the job file are relative to it. */
  readonly folder: string;
  readonly disk: Disk;
}

const STORED = "pingo://";
const EACH = "/*";

/** @throws {PackError | FileFaultError} the first thing wrong, with its place */
export async function prepareRun(file: RunFile, { folder, disk }: PrepareRunOptions): Promise<PreparedRun> {
  const module = await readModule(file, folder, disk);
  const inputs: PreparedInput[] = [];
  for (const [i, written] of file.inputs.entries()) {
    const place = file.placeOf(`inputs.${i}`);
    for (const input of await within(place, () => inputsAt(written, folder, place))) inputs.push(input);
    if (inputs.length > LIMITS.piecesMax)
      throw new PackError({
        code: "PIECES_TOO_MANY",
        place,
        pieces: inputs.length,
        piecesMax: LIMITS.piecesMax,
      });
  }
  const moduleBytes = "bytes" in module ? module.bytes.byteLength : 0;
  const inputBytes = inputs.reduce((sum, input) => sum + ("survey" in input ? input.survey.sizeBytes : 0), 0);
  return {
    kind: "Run",
    file,
    module,
    inputs,
    pieces: file.inputs.length > 0 ? inputs.length : (file.pieces ?? 1),
    sizeBytes: moduleBytes + inputBytes,
  };
}

async function readModule(file: RunFile, folder: string, disk: Disk): Promise<PreparedRun["module"]> {
  const place = file.placeOf("module");
  if (file.module.startsWith(STORED)) return within(place, async () => ({ cid: storedAt(file.module) }));
  const path = resolve(folder, file.module);
  const bytes = await readFileAtMost(path, place, LIMITS.moduleBytesMax, disk);
  await within(place, async () => limitModule(bytes, file.workers));
  return { path, bytes };
}

async function inputsAt(written: string, folder: string, place: string): Promise<readonly PreparedInput[]> {
  if (written.startsWith(STORED)) {
    const cid = storedAt(written);
    return [{ name: cid, cid }];
  }
  const isEach = written.endsWith(EACH);
  const path = await existing(
    resolve(folder, isEach ? written.slice(0, -EACH.length) || "." : written),
    place,
  );
  if (!isEach) return [await inputAt(path, basename(resolve(folder, written)))];
  const names = (await readdir(path)).sort();
  if (names.length === 0) throw new PackError({ code: "FOLDER_EMPTY", place, path });
  const inputs: PreparedInput[] = [];
  for (const name of names) inputs.push(await inputAt(resolve(path, name), name));
  return inputs;
}

/** A link that the user names is followed; those inside a folder are refused. */
async function existing(path: string, place: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (cause) {
    throw new PackError({ code: "FILE_MISSING", place, path }, { cause });
  }
}

async function inputAt(path: string, name: string): Promise<PreparedInput> {
  const survey = await surveyFolder(path, { entriesMax: LIMITS.inputEntriesMax });
  return { name, path, survey };
}

function storedAt(written: string): Cid {
  return parseCid(written.slice(STORED.length));
}

export async function packRun(prepared: PreparedRun, blocks: BlockWriter): Promise<RunJob> {
  const { file, module, inputs, pieces } = prepared;
  const packed: RunJob["inputs"][number][] = [];
  for (const input of inputs) {
    const cid = "cid" in input ? input.cid : await importFolder(blocks, input.path);
    packed.push({ cid, name: input.name });
  }
  return {
    apiVersion: "pingo/v1",
    kind: "Run",
    name: file.name,
    module: "cid" in module ? module.cid : await writeFile(blocks, module.bytes),
    arguments: file.arguments,
    inputs: packed,
    pieces,
    limits: { ...file.limits, memoryBytes: file.workers.memoryBytes },
    verify: file.verify,
    workers: file.workers,
    retryMax: file.retryMax,
    budgetNano: file.budgetNano,
    seed: file.seed,
  };
}

async function within<T>(place: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isFault(error) || error instanceof PackError) throw error;
    throw new FileFaultError(place, error);
  }
}
