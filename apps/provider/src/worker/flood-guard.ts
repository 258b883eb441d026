/**
 * Ends workers that fill the disk with more than updates: many small files, or many that are each within the system's
 * limit of one. The kernel knows no limit for what a process leaves in a folder, so the agent looks, once a second.
 */
import type { Dirent } from "node:fs";
import { opendir, stat } from "node:fs/promises";
import { join } from "node:path";
import { LIMITS } from "@pingo/core";

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
}

/**
 * What is in the folder when it is more than this many updates can be, as far as it was counted; null when it is not.
 *
 * @param bytesMax  what the owner lends of the disk, where that is less
 */
export async function floodIn(folder: string, updates: number, bytesMax: number): Promise<Flood | null> {
  const count = { entries: 0, bytes: 0 };
  const most = {
    entries: Math.max(1, updates) * ENTRIES_PER_UPDATE,
    bytes: Math.min(Math.max(1, updates) * BYTES_PER_UPDATE, bytesMax),
  };
  const isOver = () => count.entries > most.entries || count.bytes > most.bytes;
  const walk = async (path: string): Promise<void> => {
    for await (const entry of entriesOf(path)) {
      count.entries += 1;
      if (entry.isDirectory()) await walk(join(path, entry.name));
      else count.bytes += await sizeOf(join(path, entry.name));
      if (isOver()) return;
    }
  };
  await walk(folder);
  return isOver() ? count : null;
}

async function* entriesOf(path: string): AsyncGenerator<Dirent> {
  try {
    yield* await opendir(path);
  } catch {
    // Delivered and removed meanwhile.
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch {
    return 0; // likewise
  }
}
