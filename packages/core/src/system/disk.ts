import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { FaultError, type Sentences } from "../fault.ts";
import type { Disk } from "../ports.ts";

export type DiskFault =
  | { readonly code: "DISK_FULL"; readonly path: string; readonly bytes: number }
  | { readonly code: "DISK_FAILED"; readonly path: string; readonly why: string };

const SENTENCES: Sentences<DiskFault> = {
  DISK_FULL: (f) =>
    `no room for ${f.bytes} bytes at ${f.path}; free some space or point PINGO_HOME at another disk`,
  DISK_FAILED: (f) => `cannot use ${f.path}: ${f.why}`,
};

export class DiskError extends FaultError<DiskFault> {
  override readonly name = "DiskError";
  constructor(fault: DiskFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}

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

  async write(path, bytes) {
    const beside = `${path}.${process.pid}.${++writes}.tmp`;
    try {
      await mkdir(dirname(path), { recursive: true });
      await writeFlushed(beside, bytes);
      await renameOrRemove(beside, path);
    } catch (cause) {
      throw diskError(path, cause, bytes.byteLength);
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
      throw diskError(path, cause, 0);
    }
  },
};

/** Data reaches the disk before the caller renames it; a file that could not be written whole is removed. */
async function writeFlushed(path: string, bytes: Uint8Array): Promise<void> {
  await using file = await open(path, "wx");
  try {
    await file.writeFile(bytes);
    await file.datasync();
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
    throw diskError(path, cause, 0);
  }
}

function diskError(path: string, cause: unknown, bytes: number): DiskError {
  const code = errorCode(cause);
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new DiskError({ code: "DISK_FULL", path, bytes }, { cause });
  }
  const why = code ?? (cause instanceof Error ? cause.message : String(cause));
  return new DiskError({ code: "DISK_FAILED", path, why }, { cause });
}

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}
