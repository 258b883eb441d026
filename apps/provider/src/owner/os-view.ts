/**
 * The operating system as sensors see it: files below a root, and commands that answer in text.
 *
 * Whatever is not there, not allowed, or too slow is null: a sensor then says what is missing.
 */
import { execFile } from "node:child_process";
import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { Conversation } from "./conversation.ts";
import { DesktopEnvironment, type Environment } from "./desktop-environment.ts";

export interface OsView {
  readonly text: (path: string) => Promise<string | null>;
  /** For files of /proc that are read many times a second: those never wait for a disk. */
  readonly textNow: (path: string) => string | null;
  readonly names: (path: string) => Promise<readonly string[]>;
  /** When the file was last read. */
  readonly readAtUnixMs: (path: string) => Promise<number | null>;
  /** What the command prints; null where it is missing, fails or takes too long. */
  readonly run: (command: string, words: readonly string[]) => Promise<string | null>;
  /** The next line of a program that goes on and says one each time it is asked; null likewise. */
  readonly converse: (command: string, words: readonly string[]) => Promise<string | null>;
}

export interface OsViewOptions {
  /** "/" but in tests. */
  readonly root: string;
  /** What commands see: where the desktop is, and no secrets. */
  readonly environment: Environment;
}

const COMMAND_MS_MAX = 2_000;
const COMMAND_BYTES_MAX = 1 << 20;
/** Most such files have less; those with a line for each core grow with the machine. */
const PROC_BYTES = 16_384;
/** A few for each worker, and few enough for the usual limit of 1024 open files; the one opened first is closed first. */
const PROC_FILES_MAX = 256;
/** Windows finds a command by more than its name. */
const HAS_PLAIN_NAMES = process.platform !== "win32";

/** These speak with the owner's desktop, which may have begun after us. */
const ON_DESKTOP: ReadonlySet<string> = new Set(["xprintidle", "xprop"]);

export function createOsView({ root, environment }: OsViewOptions): OsView {
  const start = (command: string, words: readonly string[], env: Environment): Promise<string | null> =>
    new Promise((resolve) => {
      // Starting a process costs this one 10 ms, also where there is nothing to start.
      if (HAS_PLAIN_NAMES && !isThere(command, environment["PATH"])) {
        resolve(null);
        return;
      }
      const options = { env, timeout: COMMAND_MS_MAX, maxBuffer: COMMAND_BYTES_MAX };
      execFile(command, words, options, (error, stdout) => resolve(error ? null : stdout));
    });
  const conversationByName = new Map<string, Conversation>();
  const desktop = new DesktopEnvironment(environment, () =>
    start("systemctl", ["--user", "show-environment"], environment),
  );
  return {
    text: (path) => orNull(readFile(join(root, path), "utf8")),
    textNow: createProcReader(root),
    names: async (path) => (await orNull(readdir(join(root, path)))) ?? [],
    // Device files wait for no disk, and a computer has seventy terminals: a turn of the thread pool for each costs more.
    readAtUnixMs: async (path) => statSync(join(root, path), { throwIfNoEntry: false })?.atimeMs ?? null,
    async converse(command, words) {
      if (HAS_PLAIN_NAMES && !isThere(command, environment["PATH"])) return null;
      const name = [command, ...words].join(" ");
      const conversation =
        conversationByName.get(name) ?? new Conversation({ command, words, env: environment });
      conversationByName.set(name, conversation);
      return conversation.ask();
    },
    async run(command, words) {
      if (!ON_DESKTOP.has(command)) return start(command, words, environment);
      if (!isThere(command, environment["PATH"])) return null; // and nothing need be known of the desktop
      const printed = await start(command, words, await desktop.find());
      if (printed === null) desktop.forget();
      return printed;
    },
  };
}

/**
 * Keeps its files open and reads each anew from its beginning, in one call of the system's where opening, reading to the end and
 * closing are four: this is most of what a look costs.
 */
function createProcReader(root: string): (path: string) => string | null {
  const openByPath = new Map<string, number>();
  let buffer = Buffer.allocUnsafe(PROC_BYTES);
  const close = (path: string, fd: number): void => {
    openByPath.delete(path);
    closeSync(fd);
  };
  const read = (fd: number): string => {
    for (;;) {
      const length = readSync(fd, buffer, 0, buffer.length, 0);
      if (length < buffer.length) return buffer.toString("latin1", 0, length);
      buffer = Buffer.allocUnsafe(2 * buffer.length);
    }
  };
  return (path) => {
    const kept = openByPath.get(path);
    try {
      if (kept !== undefined) return read(kept);
      const fd = openSync(join(root, path), "r");
      openByPath.set(path, fd);
      const oldest = openByPath.size > PROC_FILES_MAX ? openByPath.entries().next().value : undefined;
      if (oldest) close(...oldest);
      return read(fd);
    } catch {
      // A process that ended, or a kernel without this file. A file of a process goes with it, whoever has its number next.
      const fd = openByPath.get(path);
      if (fd !== undefined) close(path, fd);
      return null;
    }
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
