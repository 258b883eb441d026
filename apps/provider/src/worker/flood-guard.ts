/**
 * Ends workers that fill the disk with more than updates: many small files, or many that are each within the system's
 * limit of one. The kernel knows no limit for what a process leaves in a folder, so the agent looks, once a second.
 */
import type { Dirent } from "node:fs";
import { lstat, opendir } from "node:fs/promises";
import { join } from "node:path";
import { LIMITS } from "@pingo/core";
import { errorCode } from "@pingo/core/system";

/** Of one update: a block for each MiB, their folders by two letters, and the nodes above them. Of a piece: of each file and folder. */
const ENTRIES_PER_UPDATE =
  2 *
    Math.ceil(
      Math.max(
        (4 * LIMITS.weightsMax) / LIMITS.chunkBytesMax,
        LIMITS.outputEntriesMax + LIMITS.outputBytesMax / LIMITS.chunkBytesMax,
      ),
    ) +
  1_024;
const BYTES_PER_UPDATE = Math.ceil(1.1 * 4 * LIMITS.weightsMax);

export interface Flood {
  readonly entries: number;
  readonly bytes: number;
  /** A folder cannot be looked into: whatever is in it would be there unseen. */
  readonly isClosed: boolean;
}

/** By all that a worker writes for one unit; more than lies there in the end, as some of it is written twice. */
export function writtenBytesMax(diskBytesMax: number): number {
  return Math.min(2 * BYTES_PER_UPDATE, diskBytesMax);
}

/**
 * What is in the folder when it is more than this many updates can be, as far as it was counted; null when it is not.
 *
 * @param bytesMax  what the owner lends of the disk, where that is less
 */
export async function floodIn(folder: string, updates: number, bytesMax: number): Promise<Flood | null> {
  const count = { entries: 0, bytes: 0, isClosed: false };
  const most = {
    entries: Math.max(1, updates) * ENTRIES_PER_UPDATE,
    bytes: Math.min(Math.max(1, updates) * BYTES_PER_UPDATE, bytesMax),
  };
  const isOver = () => count.isClosed || count.entries > most.entries || count.bytes > most.bytes;
  const walk = async (path: string): Promise<void> => {
    const closed = (): void => {
      count.isClosed = true;
    };
    for await (const entry of entriesOf(path, closed)) {
      count.entries += 1;
      if (entry.isDirectory()) await walk(join(path, entry.name));
      else count.bytes += await sizeOf(join(path, entry.name));
      if (isOver()) return;
    }
  };
  await walk(folder);
  return isOver() ? count : null;
}

async function* entriesOf(path: string, closed: () => void): AsyncGenerator<Dirent> {
  try {
    yield* await opendir(path);
  } catch (error) {
    const code = errorCode(error);
    if (code === "EACCES" || code === "EPERM") closed();
    // Otherwise it was delivered and removed meanwhile.
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await lstat(path)).size;
  } catch {
    return 0; // likewise
  }
}
