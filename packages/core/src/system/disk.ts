import { constants, type Stats } from "node:fs";
import { type FileHandle, open, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { DiskError } from "../disk-error.ts";
import type { Disk } from "../ports.ts";
import { diskErrorOf, errorCode } from "./disk-error-of.ts";
import { makeFolder } from "./make-folder.ts";

let writes = 0;

export const systemDisk: Disk = {
  async read(path) {
    return orUndefined(path, async () => {
      await using file = await openToRead(path);
      const found = await file.stat();
      assertFile(path, found);
      // One allocation and no copy: readFile would need both to give an array of its own.
      const bytes = new Uint8Array(found.size);
      const { bytesRead } = await file.read(bytes, 0, bytes.byteLength, 0);
      return bytesRead === bytes.byteLength ? bytes : bytes.slice(0, bytesRead);
    });
  },

  async readRange(path, offset, length) {
    return orUndefined(path, async () => {
      await using file = await openToRead(path);
      assertFile(path, await file.stat());
      const bytes = new Uint8Array(length);
      const { bytesRead } = await file.read(bytes, 0, length, offset);
      return bytes.subarray(0, bytesRead);
    });
  },

  async write(path, bytes, { isFlushed = true } = {}) {
    const beside = `${path}.${process.pid}.${++writes}.tmp`;
    const writeIt = (): Promise<void> => writeWhole(beside, bytes, isFlushed);
    try {
      await writeIt().catch(async (cause: unknown) => {
        if (errorCode(cause) !== "ENOENT") throw cause;
        await makeFolder(dirname(path));
        await writeIt();
      });
      await renameOrRemove(beside, path);
    } catch (cause) {
      throw diskErrorOf(path, cause, bytes.byteLength);
    }
  },

  async sizeBytes(path) {
    return orUndefined(path, async () => (await stat(path)).size);
  },

  async list(folder) {
    return (await orUndefined(folder, async () => (await readdir(folder)).sort())) ?? [];
  },

  async remove(path) {
    try {
      await rm(path, { recursive: true, force: true });
    } catch (cause) {
      throw diskErrorOf(path, cause);
    }
  },
};

/** Without O_NONBLOCK a pipe that nobody writes to is waited for, by a thread that no signal ends. SOURCE: fifo(7). */
function openToRead(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDONLY | constants.O_NONBLOCK);
}

/** A pipe has no size, and a device may have no end. */
function assertFile(path: string, found: Stats): void {
  if (found.isFile()) return;
  const what = found.isDirectory() ? "folder" : found.isFIFO() ? "pipe" : "device";
  const why = `it is a ${what}, and a file is wanted; name a file`;
  throw new DiskError({ code: "DISK_FAILED", path, why });
}

/** Flushed data reaches the disk before the caller renames it; a file that could not be written whole is removed. */
async function writeWhole(path: string, bytes: Uint8Array, isFlushed: boolean): Promise<void> {
  await using file = await open(path, "wx");
  try {
    await file.writeFile(bytes);
    if (isFlushed) await file.datasync();
  } catch (cause) {
    await rm(path, { force: true });
    throw cause;
  }
}

async function renameOrRemove(beside: string, path: string): Promise<void> {
  try {
    await rename(beside, path);
  } catch (cause) {
    await rm(beside, { force: true });
    throw cause;
  }
}

async function orUndefined<T>(path: string, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (cause) {
    if (errorCode(cause) === "ENOENT") return undefined;
    throw diskErrorOf(path, cause);
  }
}
