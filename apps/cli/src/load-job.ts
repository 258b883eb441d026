/** Reads a job file and checks all that can be checked here. */
import { dirname, resolve } from "node:path";
import { type FaultError, LIMITS } from "@pingo/core";
import type { PreparedJob, PreparedRun, PrepareOptions } from "@pingo/sdk";
import { CliError } from "./cli-error.ts";
import type { Context } from "./context.ts";

const HEAD_BYTES = 256;
const TAB = 9;

export async function loadJob(context: Context, file: string): Promise<PreparedJob> {
  const { parseJobFile, prepareJob } = await import("@pingo/sdk");
  const path = resolve(file);
  const job = parseJobFile(await readText(context, path), file);
  return prepareJob(job, { folder: dirname(path), disk: context.ports.disk });
}

/** As loadJob; all that is wrong with the file is told, for the rest must not be found one by one. */
export async function loadJobTellingAll(
  context: Context,
  file: string,
  more: Omit<PrepareOptions, "folder" | "disk"> = {},
): Promise<PreparedJob> {
  const { prepareJob, readJobFile } = await import("@pingo/sdk");
  const path = resolve(file);
  const job = onlyJob(context, readJobFile(await readText(context, path), file));
  return prepareJob(job, { folder: dirname(path), disk: context.ports.disk, ...more });
}

/** A job of any kind. */
export async function loadAnyJob(context: Context, file: string): Promise<PreparedJob | PreparedRun> {
  const { isRunFile, parseRunFile, prepareRun } = await import("@pingo/sdk");
  const path = resolve(file);
  const text = await readText(context, path);
  if (!isRunFile(text, file)) return loadJob(context, file);
  return prepareRun(parseRunFile(text, file), { folder: dirname(path), disk: context.ports.disk });
}

/** Undefined where the file is no Run job's. */
export async function loadRunTellingAll(context: Context, file: string): Promise<PreparedRun | undefined> {
  const { isRunFile, prepareRun, readRunFile } = await import("@pingo/sdk");
  const path = resolve(file);
  const text = await readText(context, path);
  if (!isRunFile(text, file)) return undefined;
  const job = onlyJob(context, readRunFile(text, file));
  return prepareRun(job, { folder: dirname(path), disk: context.ports.disk });
}

/** The first problem is told as every error is, last. */
function onlyJob<T>(
  { screen }: Context,
  { job, problems }: { readonly job: T | null; readonly problems: readonly FaultError[] },
): T {
  const [first, ...others] = problems;
  for (const other of others.reverse()) screen.line(`${other.message} (${other.code})`);
  if (first) throw first;
  if (!job) throw new TypeError("a file without a job has a problem");
  return job;
}

/** As much of a text file as a job file may have, and one byte, so that too much is seen. */
async function readText({ ports }: Context, path: string): Promise<string> {
  const bytes = await ports.disk.readRange(path, 0, LIMITS.jobFileBytesMax + 1);
  if (!bytes) throw new CliError({ code: "FILE_MISSING", path });
  // No text has these; a model begins with one, and is an easy mistake.
  if (bytes.subarray(0, HEAD_BYTES).some((byte) => byte < TAB))
    throw new CliError({ code: "FILE_NOT_TEXT", path });
  return new TextDecoder().decode(bytes);
}
