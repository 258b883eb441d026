/**
 * A small file that its owner may change at any time: read again when it changed, and kept as it was while it is broken.
 */

import { readFile, stat } from "node:fs/promises";
import { isFault, type Log } from "@pingo/core";
import { errorCode } from "@pingo/core/system";

/** An owner's own words are a few lines. */
const FILE_BYTES_MAX = 2 ** 20;

export class WatchedFile<T> {
  readonly path: string;
  readonly #parse: (text: string | null) => T;
  readonly #log: Log;
  #seen = "";
  value: T;
  /** Why the file as it stands is not what counts. */
  problem: string | null = null;

  /** @param parse  of null where there is no file; throws a fault that names the place */
  constructor(path: string, parse: (text: string | null) => T, log: Log) {
    this.path = path;
    this.#parse = parse;
    this.#log = log;
    this.value = parse(null);
  }

  async refresh(): Promise<void> {
    const found = await lookAt(this.path);
    if (found.stamp === this.#seen) return;
    this.#seen = found.stamp;
    if (found.problem !== null) {
      this.#keep(found.problem);
      return;
    }
    try {
      this.value = this.#parse(found.stamp === "" ? null : await readFile(this.path, "utf8"));
      this.problem = null;
      this.#log.info("file_read", { path: this.path });
    } catch (error) {
      if (isFault(error)) this.#keep(error.message);
      else this.#keep(unreadable(this.path, codeOf(error)));
    }
  }

  #keep(problem: string): void {
    this.problem = problem;
    this.#log.error("file_broken", { path: this.path, problem });
  }
}

interface Found {
  /** "" where there is no file. */
  readonly stamp: string;
  /** Why it is not to be read: a pipe would be waited for without end, and with it all that waits for its owner's word. */
  readonly problem: string | null;
}

async function lookAt(path: string): Promise<Found> {
  try {
    const found = await stat(path);
    const stamp = `${found.mtimeMs} ${found.size} ${found.ino}`;
    if (!found.isFile()) return { stamp, problem: `${path} is not a file; put one there, or remove it` };
    if (found.size <= FILE_BYTES_MAX) return { stamp, problem: null };
    return { stamp, problem: `${path} has ${found.size} bytes, and 1 MiB is the most; make it shorter` };
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT") return { stamp: "", problem: null };
    return { stamp: code, problem: unreadable(path, code) };
  }
}

function unreadable(path: string, code: string): string {
  return `${path} cannot be read (${code}); check its permissions and those of its folder`;
}

/** @throws what is no word of the system's: a bug */
function codeOf(error: unknown): string {
  const code = errorCode(error);
  if (typeof code !== "string") throw error;
  return code;
}
