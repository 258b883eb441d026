/** Reads what is kept in a file that a person names: a passphrase, the words of a wallet. */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { diskErrorOf, errorCode } from "@pingo/core/system";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";

const LOOK_AGAIN_MS = 20;

/**
 * A pipe is read to its end, as a shell's `<(…)` gives one; one that nobody writes to is empty. A blocking read of it would hold a
 * thread that Ctrl-C does not end. SOURCE: fifo(7).
 *
 * @throws {CliError} FILE_MISSING, FILE_TOO_LARGE; {DiskError} DISK_FAILED
 */
export async function readSecret(
  { ports: { clock }, signal }: Pick<Context, "ports" | "signal">,
  path: string,
  bytesMax: number,
): Promise<string> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const bytes = Buffer.alloc(bytesMax + 1);
    let length = 0;
    for (;;) {
      signal.throwIfAborted();
      const read = await readSome(file, bytes.subarray(length));
      if (read === 0) return bytes.toString("utf8", 0, length);
      length += read ?? 0;
      if (length > bytesMax) throw new CliError({ code: "FILE_TOO_LARGE", path, bytesMax });
      if (read === null) await clock.sleep(LOOK_AGAIN_MS, { signal });
    }
  } catch (cause) {
    if (cause instanceof CliError || signal.aborted) throw cause;
    if (errorCode(cause) === "ENOENT") throw new CliError({ code: "FILE_MISSING", path }, { cause });
    throw diskErrorOf(path, cause);
  }
}

/** null: nothing yet. */
async function readSome(file: FileHandle, into: Buffer): Promise<number | null> {
  try {
    return (await file.read(into, 0, into.byteLength, null)).bytesRead;
  } catch (error) {
    if (errorCode(error) === "EAGAIN") return null;
    throw error;
  }
}
