/**
 * The peer of the network: the same rounds and units in one process per core, with nothing between them.
 *
 * No leases, sockets, signatures, database or evaluation: what is left is training.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readFile as readFileText } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildTrainProgram, readModel } from "@pingo/autograd";
import { assert, cidOfValue } from "@pingo/core";
import { systemDisk } from "@pingo/core/system";
import { packJob, parseJobFile, prepareJob } from "@pingo/sdk";
import { createDiskBlocks, readManifest, writeFile } from "@pingo/storage";
import {
  aggregate,
  encodeVector,
  type OuterState,
  outerStep,
  planUnits,
  type StoredProgram,
} from "@pingo/training";
import type { LocalResult, LocalTask } from "./messages.ts";

const WORKER = join(dirname(fileURLToPath(import.meta.url)), "worker.ts");

export interface LocalRun {
  readonly rows: number;
  readonly seconds: number;
}

/** @param folder for blocks; the caller removes it */
export async function trainLocally(jobPath: string, processes: number, folder: string): Promise<LocalRun> {
  const blocks = createDiskBlocks({ folder, disk: systemDisk });
  const file = parseJobFile(await readFileText(jobPath, "utf8"), jobPath);
  const prepared = await prepareJob(file, { folder: dirname(jobPath), disk: systemDisk });
  const job = await packJob(prepared, blocks);
  const manifest = await readManifest(blocks, job.data.train);
  const built = buildTrainProgram(readModel(prepared.model.bytes), {
    fields: manifest.fields,
    target: job.objective.target,
    loss: job.objective.loss,
    optimizer: job.optimizer,
    batchSize: job.schedule.batchSize,
  });
  const program: StoredProgram = {
    kind: "pingo/program/v1",
    graph: await writeFile(blocks, built.graph),
    signature: built.signature,
  };
  const workers = await startWorkers(processes, folder);
  const startedMs = performance.now();
  let rows = 0;
  let state: OuterState = {
    weights: built.initialWeights,
    momentum: new Float32Array(built.initialWeights.length),
  };
  for (let round = 1; round <= job.schedule.rounds; round++) {
    const weights = await writeFile(blocks, encodeVector(state.weights));
    const jobId = cidOfValue(job);
    const units = planUnits({
      job,
      jobId,
      manifest,
      round,
      program: cidOfValue(program),
      weights,
      workers: processes,
    });
    const tasks = units.map((unit): LocalTask => ({ unit, manifest, program, weights: state.weights }));
    const results = await Promise.all(tasks.map((task, i) => ask(workers[i], task)));
    rows += results.reduce((sum, result) => sum + result.rows, 0);
    state = outerStep({
      ...state,
      mean: aggregate(results, program.signature),
      signature: program.signature,
    });
  }
  const seconds = (performance.now() - startedMs) / 1000;
  for (const worker of workers) worker.disconnect();
  return { rows, seconds };
}

async function startWorkers(count: number, folder: string): Promise<readonly ChildProcess[]> {
  const workers = Array.from({ length: count }, () => fork(WORKER, [folder], { serialization: "advanced" }));
  await Promise.all(workers.map((worker) => once(worker, "message")));
  return workers;
}

async function ask(worker: ChildProcess | undefined, task: LocalTask): Promise<LocalResult> {
  assert(worker, "a worker per unit");
  const exited = once(worker, "exit").then(([code]) => {
    throw new Error(`a local worker ended with ${code}`);
  });
  const answered = once(worker, "message");
  worker.send(task);
  const [result] = await Promise.race([answered, exited]);
  return result;
}
