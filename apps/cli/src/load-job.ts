/** Reads a job file and checks all that can be checked here. */
import { dirname, resolve } from "node:path";
import { LIMITS } from "@pingo/core";
import type { PreparedJob, PrepareOptions } from "@pingo/sdk";
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
  more: Pick<PrepareOptions, "memoryLimitBytes"> = {},
): Promise<PreparedJob> {
  const { prepareJob, readJobFile } = await import("@pingo/sdk");
  const path = resolve(file);
  const { job, problems } = readJobFile(await readText(context, path), file);
  const [first, ...others] = problems;
  // The first is told as every error is, last.
  for (const other of others.reverse()) context.screen.line(`${other.message} (${other.code})`);
  if (first) throw first;
  if (!job) throw new TypeError("a file without a job has a problem");
  return prepareJob(job, { folder: dirname(path), disk: context.ports.disk, ...more });
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
