/** Reads a model file, and others beside it, whole. */
import { resolve } from "node:path";
import type { Graph } from "@pingo/autograd";
import { isFault, LIMITS } from "@pingo/core";
import { CliError } from "./cli-error.ts";
import type { Context } from "./context.ts";

export async function loadModel(context: Context, file: string): Promise<Graph> {
  const path = resolve(file);
  const bytes = await readWhole(context, path);
  const { readModel } = await import("@pingo/autograd"); // loaded only by those who need it: commands start fast
  try {
    return readModel(bytes);
  } catch (error) {
    if (!isFault(error)) throw error;
    const { FileFaultError } = await import("@pingo/sdk");
    throw new FileFaultError(path, error);
  }
}

/** @throws {CliError} FILE_MISSING; FILE_TOO_LARGE at the limit of a model */
export async function readWhole({ ports }: Context, path: string): Promise<Uint8Array> {
  const bytesMax = LIMITS.modelBytesMax;
  const sizeBytes = await ports.disk.sizeBytes(path);
  if (sizeBytes !== undefined && sizeBytes > bytesMax)
    throw new CliError({ code: "FILE_TOO_LARGE", path, bytesMax });
  const bytes = await ports.disk.read(path);
  if (bytes === undefined) throw new CliError({ code: "FILE_MISSING", path });
  return bytes;
}
