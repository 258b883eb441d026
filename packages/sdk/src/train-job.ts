import type { Cid, TrainJob } from "@pingo/core";
import type { JobFile } from "./job-file.ts";

/** The spec of a job file, once its files have names. */
export function trainJobOf(
  file: JobFile,
  cids: { readonly model: Cid; readonly train: Cid; readonly test: Cid | null },
): TrainJob {
  return {
    apiVersion: "pingo/v1",
    kind: "Train",
    name: file.name,
    model: cids.model,
    data: { train: cids.train, test: cids.test },
    objective: file.objective,
    optimizer: file.optimizer,
    ...(file.freeze && { freeze: file.freeze }),
    ...(file.alsoTrain && { alsoTrain: file.alsoTrain }),
    ...(file.adapt && { adapt: file.adapt }),
    ...(file.average && { average: file.average }),
    schedule: file.schedule,
    workers: file.workers,
    retryMax: file.retryMax,
    budgetNano: file.budgetNano,
    seed: file.seed,
  };
}
