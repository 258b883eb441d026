/**
 * Makes a folder and all that lead to it.
 *
 * Not `mkdir`'s own `recursive`: where a folder that is there takes no others, as /proc, Node goes up and down between
 * the two for ever. Here each part of the path is tried twice at most.
 */
import { mkdirSync, statSync } from "node:fs";
import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { diskErrorOf, errorCode } from "./disk-error-of.ts";

interface MakeFolderOptions {
  /** Of every folder that is made. */
  readonly mode?: number;
}

/** One that is there is fine. @throws {DiskError} DISK_FULL, DISK_FAILED */
export async function makeFolder(path: string, options: MakeFolderOptions = {}): Promise<void> {
  const first = await mkdir(path, options).catch(failed);
  const above = dirname(path);
  const isDeeper = errorCode(first) === "ENOENT" && above !== path;
  if (isDeeper) await makeFolder(above, options);
  const last = isDeeper ? await mkdir(path, options).catch(failed) : first;
  // Not by EEXIST alone: some systems refuse to make a folder that is there by another name.
  if (last !== undefined && !(await isFolder(path))) throw diskErrorOf(path, last);
}

/** As makeFolder, for those who must not wait. */
export function makeFolderSync(path: string): void {
  const first = tried(path);
  const above = dirname(path);
  const isDeeper = errorCode(first) === "ENOENT" && above !== path;
  if (isDeeper) makeFolderSync(above);
  const last = isDeeper ? tried(path) : first;
  if (last !== undefined && !isFolderSync(path)) throw diskErrorOf(path, last);
}

function failed(cause: unknown): unknown {
  return cause;
}

function tried(path: string): unknown {
  try {
    mkdirSync(path);
    return undefined;
  } catch (cause) {
    return cause;
  }
}

function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false, // the error of making it says more
  );
}

function isFolderSync(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false; // the error of making it says more
  }
}
