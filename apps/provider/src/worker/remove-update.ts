/**
 * Removes what a worker left, also where it closed a folder to everybody, its own agent included: it is the same user's, who may
 * open it again.
 */
import { chmod, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Disk } from "@pingo/core";

/** @throws {DiskError} where it stays all the same */
export async function removeUpdate(path: string, disk: Disk): Promise<void> {
  try {
    await disk.remove(path);
  } catch {
    await openFolders(path);
    await disk.remove(path);
  }
}

/** Links are not followed: what they name is not the worker's. */
async function openFolders(folder: string): Promise<void> {
  try {
    await chmod(folder, 0o700);
    for (const entry of await readdir(folder, { withFileTypes: true }))
      if (entry.isDirectory()) await openFolders(join(folder, entry.name));
  } catch {
    // Another user's, or gone: whoever removes it meets it again, and says so.
  }
}
