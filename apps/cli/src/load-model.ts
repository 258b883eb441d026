/** Reads a model file, and others beside it, whole. */
import { resolve } from "node:path";
import type { Graph } from "@pingo/autograd";
import { LIMITS } from "@pingo/core";
import { CliError } from "./cli-error.ts";
import type { Context } from "./context.ts";

export async function loadModel(context: Context, file: string): Promise<Graph> {
  const bytes = await readWhole(context, resolve(file));
  const { readModel } = await import("@pingo/autograd"); // loaded only by those who need it: commands start fast
  return readModel(bytes);
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
