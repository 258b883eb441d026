/**
 * The job file: what a user writes, read with the place of every mistake.
 *
 * YAML 1.2 (and so JSON). Unknown keys are refused; every problem is one sentence with file, line and column.
 */
import {
  type Adaptation,
  type Averaging,
  assertDefined,
  FaultError,
  LIMITS,
  LOSSES,
  type Objective,
  type Optimizer,
  type Schedule,
  type Sentences,
} from "@pingo/core";
import {
  type Place,
  placeText,
  readWritten,
  type Written,
  type WrittenFault,
  writtenSentences,
} from "@pingo/core/written";
import { type JobFileShape, NOT_BUILT, zJobFile } from "./job-file-schema.ts";

/** A job as its file says it: paths relative to the file, defaults filled in, units of ours. */
export interface JobFile {
  readonly name: string;
  readonly model: string;
  readonly data: { readonly train: string; readonly test: string | null };
  readonly objective: Objective;
  readonly optimizer: Optimizer;
  readonly freeze?: readonly string[];
  readonly alsoTrain?: readonly string[];
  readonly adapt?: Adaptation;
  readonly average?: Averaging;
  readonly schedule: Schedule;
  readonly workers: {
    readonly min: number;
    readonly max: number;
    readonly cpuMillicores: number;
    readonly memoryBytes: number;
  };
  readonly retryMax: number;
  readonly budgetNano: string;
  readonly seed: number;
  /** "job.yaml:5:3" of a key such as "data.train", or of what holds it. */
  readonly placeOf: (key: string) => string;
}

export type JobFileFault =
  | WrittenFault<"JOB">
  | ({ readonly code: "JOB_KIND_RUN" } & Place)
  | ({
      readonly code: "JOB_NOT_BUILT";
      readonly key: string;
      readonly value: string;
      readonly instead: string;
    } & Place);

const SENTENCES: Sentences<JobFileFault> = {
  ...writtenSentences("JOB"),
  JOB_KIND_RUN: (f) =>
    `${placeText(f)}: "kind: Run" runs a WebAssembly module and trains nothing; send it with "pingo job submit"`,
  JOB_NOT_BUILT: (f) => `${placeText(f)}: "${f.key}: ${f.value}" is not built yet; ${f.instead}`,
};

export class JobFileError extends FaultError<JobFileFault> {
  override readonly name = "JobFileError";
  constructor(fault: JobFileFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}

/**
 * @param file the name that problems are reported under
 * @throws {JobFileError} the first problem
 */
export function parseJobFile(text: string, file: string): JobFile {
  const { job, problems } = readJobFile(text, file);
  const [problem] = problems;
  if (problem) throw problem;
  return assertDefined(job, "a job file without problems");
}

/** The job, or every problem of the file in the order of its lines. */
export function readJobFile(
  text: string,
  file: string,
): { readonly job: JobFile | null; readonly problems: readonly JobFileError[] } {
  const kind = {
    prefix: "JOB",
    schema: zJobFile,
    bytesMax: LIMITS.jobFileBytesMax,
    what: "a job file",
  } as const;
  const { written, value, problems } = readWritten(text, file, kind);
  if (written?.textAt(["kind"]) === "Run") {
    const problem = new JobFileError({ code: "JOB_KIND_RUN", ...written.placeAt(["kind"]) });
    return { job: null, problems: [problem] };
  }
  const notBuilt = written && notBuiltIn(written);
  if (notBuilt) return { job: null, problems: [notBuilt] };
  if (written && value) return { job: jobOf(value, written), problems: [] };
  return { job: null, problems: problems.map((problem) => new JobFileError(problem)) };
}

function notBuiltIn(written: Written): JobFileError | undefined {
  for (const { key, values, instead } of NOT_BUILT) {
    const path = key.split(".");
    const value = written.textAt(path);
    if (value === undefined || !values.includes(value)) continue;
    return new JobFileError({ code: "JOB_NOT_BUILT", ...written.placeAt(path), key, value, instead });
  }
  return undefined;
}

function jobOf(shape: JobFileShape, written: Written): JobFile {
  const { min, max, resources } = shape.workers;
  const { metrics = LOSSES[shape.objective.loss].metrics } = shape.objective;
  return {
    name: shape.name,
    model: shape.model,
    data: { train: shape.data.train, test: shape.data.test ?? null },
    objective: { ...shape.objective, metrics },
    optimizer: shape.optimizer,
    ...(shape.freeze && { freeze: shape.freeze }),
    ...(shape.alsoTrain && { alsoTrain: shape.alsoTrain }),
    ...(shape.adapt && { adapt: shape.adapt }),
    ...(shape.average && { average: shape.average }),
    schedule: shape.schedule,
    workers: { min, max, cpuMillicores: resources.cpu, memoryBytes: resources.memory },
    retryMax: shape.retry.max,
    budgetNano: shape.budget,
    seed: shape.seed,
    placeOf: (key) => placeText(written.placeAt(key.split("."))),
  };
}
