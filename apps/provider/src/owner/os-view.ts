/**
 * The operating system as sensors see it: files below a root, and commands that answer in text.
 *
 * Whatever is not there, not allowed, or too slow is null: a sensor then says what is missing.
 */
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { delimiter, join } from "node:path";

export interface OsView {
  readonly text: (path: string) => Promise<string | null>;
  /** For files of /proc that are read many times a second: those never wait for a disk. */
  readonly textNow: (path: string) => string | null;
  readonly names: (path: string) => Promise<readonly string[]>;
  /** When the file was last read. */
  readonly readAtUnixMs: (path: string) => Promise<number | null>;
  /** What the command prints; null where it is missing, fails or takes too long. */
  readonly run: (command: string, words: readonly string[]) => Promise<string | null>;
}

export interface OsViewOptions {
  /** "/" but in tests. */
  readonly root: string;
  /** What commands see: where the desktop is, and no secrets. */
  readonly environment: Readonly<Record<string, string>>;
}

const COMMAND_MS_MAX = 2_000;
const COMMAND_BYTES_MAX = 1 << 20;
/** Windows finds a command by more than its name. */
const HAS_PLAIN_NAMES = process.platform !== "win32";

export function createOsView({ root, environment }: OsViewOptions): OsView {
  return {
    text: (path) => orNull(readFile(join(root, path), "utf8")),
    textNow: (path) => {
      try {
        return readFileSync(join(root, path), "utf8");
      } catch {
        return null; // a process that ended, or a kernel without this file
      }
    },
    names: async (path) => (await orNull(readdir(join(root, path)))) ?? [],
    readAtUnixMs: async (path) => (await orNull(stat(join(root, path))))?.atimeMs ?? null,
    run: (command, words) =>
      new Promise((resolve) => {
        // Starting a process costs this one 10 ms, also where there is nothing to start.
        if (HAS_PLAIN_NAMES && !isThere(command, environment["PATH"])) {
          resolve(null);
          return;
        }
        const options = { env: environment, timeout: COMMAND_MS_MAX, maxBuffer: COMMAND_BYTES_MAX };
        execFile(command, words, options, (error, stdout) => resolve(error ? null : stdout));
      }),
  };
}

function isThere(command: string, path = ""): boolean {
  return path.split(delimiter).some((folder) => existsSync(join(folder, command)));
}

async function orNull<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading;
  } catch {
    return null; // absent or forbidden: both mean that the system does not tell
  }
}
