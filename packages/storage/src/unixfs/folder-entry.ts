/** What an entry of a folder may be, here and in blocks. */
import { lstat } from "node:fs/promises";
import { isFault } from "@pingo/core";
import { diskErrorOf } from "@pingo/core/system";
import { StorageError } from "../storage-error.ts";

const NAME_BYTES_MAX = 255;
/** Of one tree, counted along every path: a few blocks can name folders in folders without end. */
const TREE_ENTRIES_MAX = 100_000;

/** Names that would leave the folder, or that some system reads as something else. */
export function checkName(name: string, where: string): void {
  const isSafe =
    name !== "" &&
    name !== "." &&
    name !== ".." &&
    !/[/\\\0]/.test(name) &&
    Buffer.byteLength(name) <= NAME_BYTES_MAX;
  if (!isSafe) throw new StorageError({ code: "NAME_REFUSED", name: name.slice(0, 80), where });
}

/** Counts entries; throws at the first too many. */
export function createEntryCount(where: string, entriesMax = TREE_ENTRIES_MAX): () => void {
  let entries = 0;
  return () => {
    entries += 1;
    if (entries > entriesMax) throw new StorageError({ code: "FOLDER_TOO_LARGE", where, entriesMax });
  };
}

export interface DiskEntry {
  readonly kind: "file" | "folder" | "a symbolic link" | "a special file";
  readonly sizeBytes: number;
}

export async function entryAt(path: string): Promise<DiskEntry | undefined> {
  try {
    const found = await lstat(path);
    const sizeBytes = found.size;
    if (found.isFile()) return { kind: "file", sizeBytes };
    if (found.isDirectory()) return { kind: "folder", sizeBytes: 0 };
    return { kind: found.isSymbolicLink() ? "a symbolic link" : "a special file", sizeBytes: 0 };
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw diskErrorOf(path, error);
  }
}

/** A call of node:fs whose failure is told as the disk's. */
export async function onDisk<T>(path: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw isFault(error) ? error : diskErrorOf(path, error);
  }
}
