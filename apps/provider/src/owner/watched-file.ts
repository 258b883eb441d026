/**
 * A small file that its owner may change at any time: read again when it changed, and kept as it was while it is broken.
 */

import { readFile, stat } from "node:fs/promises";
import { isFault, type Log } from "@pingo/core";
import { errorCode } from "@pingo/core/system";

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
    const stamp = await stampOf(this.path);
    if (stamp === this.#seen) return;
    this.#seen = stamp;
    try {
      this.value = this.#parse(stamp === "" ? null : await readFile(this.path, "utf8"));
      this.problem = null;
      this.#log.info("file_read", { path: this.path });
    } catch (error) {
      if (!isFault(error) && errorCode(error) !== "ENOENT") throw error;
      this.problem = error instanceof Error ? error.message : String(error);
      this.#log.error("file_broken", { path: this.path, problem: this.problem });
    }
  }
}

async function stampOf(path: string): Promise<string> {
  try {
    const { mtimeMs, size, ino } = await stat(path);
    return `${mtimeMs} ${size} ${ino}`;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return "";
    throw error;
  }
}
