import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { DiskError } from "../disk-error.ts";
import { FaultError } from "../fault.ts";
import type { Disk } from "../ports.ts";

let writes = 0;

export const systemDisk: Disk = {
  async read(path) {
    return orUndefined(path, async () => {
      await using file = await open(path, "r");
      // One allocation and no copy: readFile would need both to give an array of its own.
      const bytes = new Uint8Array((await file.stat()).size);
      const { bytesRead } = await file.read(bytes, 0, bytes.byteLength, 0);
      return bytesRead === bytes.byteLength ? bytes : bytes.slice(0, bytesRead);
    });
  },

  async readRange(path, offset, length) {
    return orUndefined(path, async () => {
      await using file = await open(path, "r");
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
        await mkdir(dirname(path), { recursive: true });
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

/**
 * The fault behind an error when it comes from a full disk, whoever met it: a file call, SQLite, PostgreSQL
 * or PGlite. Other errors come back as they are.
 *
 * @param path what was being kept, for the sentence
 */
export function fullDiskOr(path: string, error: unknown): unknown {
  if (error instanceof FaultError || !isDiskFull(error)) return error;
  return new DiskError({ code: "DISK_FULL", path, bytes: 0 }, { cause: error });
}

/** What "no space left" is called by the kernel, SQLite (SQLITE_FULL), WASI and PostgreSQL (disk_full). */
const FULL = { codes: ["ENOSPC", "EDQUOT", "53100"], sqliteCode: 13, wasiErrno: 51 } as const;

function isDiskFull(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false;
  const { code, errcode, errno, name, cause } = error as Readonly<Record<string, unknown>>; // SAFETY: read only, each checked
  return (
    FULL.codes.some((full) => full === code) ||
    errcode === FULL.sqliteCode ||
    (name === "ErrnoError" && errno === FULL.wasiErrno) ||
    isDiskFull(cause)
  );
}

/** In words, what a user meets most. */
const WHY_BY_CODE: ReadonlyMap<string, string> = new Map([
  ["EISDIR", "it is a folder, and a file is wanted"],
  ["ENOTDIR", "a part of its path is no folder"],
  ["EACCES", "the system does not permit it"],
  ["EROFS", "the disk can only be read"],
]);

/** The fault behind a file call that failed. */
export function diskErrorOf(path: string, cause: unknown, bytes = 0): DiskError {
  if (isDiskFull(cause)) return new DiskError({ code: "DISK_FULL", path, bytes }, { cause });
  const code = errorCode(cause);
  const why =
    (code && WHY_BY_CODE.get(code)) ?? code ?? (cause instanceof Error ? cause.message : String(cause));
  return new DiskError({ code: "DISK_FAILED", path, why }, { cause });
}

/** What the system calls it: ENOENT, EAGAIN and so on. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}
