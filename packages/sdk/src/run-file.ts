/** The job file of `kind: Run`: a WebAssembly module, and what each run of it reads. */
import { type AnyJob, assertDefined, LIMITS, parseBytes, type RunJob, zArgument, zName } from "@pingo/core";
import { placeText, quantity, readWritten, type Written } from "@pingo/core/written";
import { z } from "zod";
import { JobFileError } from "./job-file.ts";
import { zBudget, zPath, zRetry, zSeed, zWorkersFile } from "./job-file-schema.ts";

/** As its file says it: paths relative to the file, defaults filled in, units of ours. */
export interface RunFile extends Omit<AnyJob, "apiVersion"> {
  readonly kind: "Run";
  /** A path, or pingo://CID. */
  readonly module: string;
  readonly arguments: readonly string[];
  /** Paths, or pingo://CID; one that ends in "/*" stands for each entry of a folder. */
  readonly inputs: readonly string[];
  /** Without inputs; one is the default. */
  readonly pieces: number | null;
  readonly limits: Pick<RunJob["limits"], "outputBytes" | "secondsPerPiece">;
  readonly verify: RunJob["verify"];
  readonly placeOf: (key: string) => string;
}

const OUTPUT_BYTES = 16 * 2 ** 20;

const zRunFile = z
  .strictObject({
    apiVersion: z.literal("pingo/v1"),
    kind: z.literal("Run"),
    name: zName,
    module: zPath,
    // In YAML a number is written as one.
    arguments: z
      .array(z.union([z.string(), z.number()]).transform(String).pipe(zArgument))
      .max(LIMITS.argumentsMax)
      .default([]),
    inputs: z.array(zPath).max(LIMITS.piecesMax).default([]),
    pieces: z.int().min(1).max(LIMITS.piecesMax).exactOptional(),
    limits: z
      .strictObject({
        output: quantity(parseBytes).default(OUTPUT_BYTES),
        secondsPerPiece: z.number().positive().max(86_400).default(60),
      })
      .refine(({ output }) => output <= LIMITS.outputBytesMax, {
        error: `at most ${LIMITS.outputBytesMax} bytes may be asked for: they are held in memory until the piece ends`,
        path: ["output"],
      })
      .prefault({}),
    workers: zWorkersFile
      .refine(
        ({ resources: { memory } }) => memory >= LIMITS.wasmPageBytes && memory <= LIMITS.wasmMemoryBytesMax,
        {
          error: "expected 64Ki to 4Gi: what a module of 32-bit addresses can use",
          path: ["resources", "memory"],
        },
      )
      .prefault({}),
    verify: z.strictObject({ mode: z.enum(["none", "always"]) }).default({ mode: "none" }),
    retry: zRetry,
    budget: zBudget,
    seed: zSeed,
  })
  .refine(({ inputs, pieces }) => inputs.length === 0 || pieces === undefined, {
    error: `there is one piece for each of the inputs: leave "pieces" out`,
    path: ["pieces"],
  });

const KIND = {
  prefix: "JOB",
  schema: zRunFile,
  bytesMax: LIMITS.jobFileBytesMax,
  what: "a job file",
} as const;

/** The job, or every problem of the file in the order of its lines. */
export function readRunFile(
  text: string,
  file: string,
): { readonly job: RunFile | null; readonly problems: readonly JobFileError[] } {
  const { written, value, problems } = readWritten(text, file, KIND);
  if (written && value) return { job: runFileOf(value, written), problems: [] };
  return { job: null, problems: problems.map((problem) => new JobFileError(problem)) };
}

/** Whether the file says that it is one; all that is wrong with it is for its own reader to say. */
export function isRunFile(text: string, file: string): boolean {
  return readWritten(text, file, KIND).written?.textAt(["kind"]) === "Run";
}

/** @throws {JobFileError} the first problem */
export function parseRunFile(text: string, file: string): RunFile {
  const { job, problems } = readRunFile(text, file);
  const [problem] = problems;
  if (problem) throw problem;
  return assertDefined(job, "a job file without problems");
}

function runFileOf(shape: z.output<typeof zRunFile>, written: Written): RunFile {
  const { min, max, resources } = shape.workers;
  const { output: outputBytes, secondsPerPiece } = shape.limits;
  return {
    kind: "Run",
    name: shape.name,
    module: shape.module,
    arguments: shape.arguments,
    inputs: shape.inputs,
    pieces: shape.pieces ?? null,
    limits: { outputBytes, secondsPerPiece },
    verify: shape.verify.mode,
    workers: { min, max, cpuMillicores: resources.cpu, memoryBytes: resources.memory },
    retryMax: shape.retry.max,
    budgetNano: shape.budget,
    seed: shape.seed,
    placeOf: (key) => placeText(written.placeAt(key.split("."))),
  };
}
