/**
 * One owner per folder, held by an exclusive SQLite lock, which the system frees however the owner ends.
 *
 * The owner's pid is in a file beside the lock and not inside it: POSIX locks of a process end when it
 * closes any descriptor of the file, so nobody in the owning process may open the lock file to read it.
 * SOURCE: fcntl(2), "Advisory record locking".
 */
import { appendFile, readFile, realpath, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { makeFolder } from "@pingo/core/system";
import { StorageError } from "./storage-error.ts";
import { onDisk } from "./unixfs/folder-entry.ts";

const LOCK_NAME = ".lock";
const PID_NAME = ".lock.pid";
/** Each try lost means that another owner came and went meanwhile. */
const TRIES_MAX = 16;
const SQLITE_BUSY = 5;

/** Folders owned by this very process, by real path. */
const owned = new Set<string>();

/**
 * Makes the folder when there is none and owns it until disposed.
 *
 * @throws {StorageError} FOLDER_IN_USE
 * @throws {DiskError} DISK_FULL, DISK_FAILED
 */
export async function lockFolder(path: string): Promise<AsyncDisposable> {
  await makeFolder(path);
  const folder = await realpath(path);
  if (owned.has(folder)) throw new StorageError({ code: "FOLDER_IN_USE", folder, pid: process.pid });
  owned.add(folder);
  try {
    const database = await acquire(folder);
    await onDisk(folder, () => writeFile(join(folder, PID_NAME), `${process.pid}\n`));
    let released: Promise<void> | undefined;
    return {
      [Symbol.asyncDispose]: () => {
        released ??= release(folder, database);
        return released;
      },
    };
  } catch (error) {
    owned.delete(folder);
    throw error;
  }
}

async function acquire(folder: string): Promise<DatabaseSync> {
  const lockPath = join(folder, LOCK_NAME);
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const before = await inodeOf(lockPath);
    if (before === undefined) {
      await onDisk(folder, () => appendFile(lockPath, ""));
      continue;
    }
    const database = lock(lockPath);
    if (database === undefined) {
      throw new StorageError({ code: "FOLDER_IN_USE", folder, pid: await readPid(folder) });
    }
    // A releasing owner removes the file; a lock on a file that is no longer there would guard nothing.
    if (before === (await inodeOf(lockPath))) return database;
    database.close();
  }
  throw new StorageError({ code: "FOLDER_IN_USE", folder, pid: await readPid(folder) });
}

/** The open transaction is the lock; nothing is ever written in it. */
function lock(lockPath: string): DatabaseSync | undefined {
  const database = new DatabaseSync(lockPath, { timeout: 0 });
  try {
    database.exec("BEGIN EXCLUSIVE");
    return database;
  } catch (error) {
    database.close();
    if (error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY) return undefined;
    throw error;
  }
}

async function release(folder: string, database: DatabaseSync): Promise<void> {
  // Removed while still held, so that it is never another owner's file.
  await rm(join(folder, PID_NAME), { force: true });
  await rm(join(folder, LOCK_NAME), { force: true });
  database.close();
  owned.delete(folder);
}

async function inodeOf(path: string): Promise<bigint | undefined> {
  const found = await stat(path, { bigint: true }).catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  });
  return found?.ino;
}

async function readPid(folder: string): Promise<number | undefined> {
  try {
    const pid = Number.parseInt(await readFile(join(folder, PID_NAME), "utf8"), 10);
    return Number.isSafeInteger(pid) ? pid : undefined;
  } catch (error) {
    // The owner has the lock but has not written its pid yet.
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
