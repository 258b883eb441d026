/** One line of a person at a terminal. */
import { once } from "node:events";
import type { Interface } from "node:readline/promises";
import { CliError } from "../cli-error.ts";

/**
 * While a question stands, the terminal hands Ctrl-C to whoever reads the line instead of the process; Ctrl-D and a
 * terminal that is gone end the lines without an answer. Each is a way to leave.
 *
 * @throws {CliError} INTERRUPTED
 */
export async function readAnswer(lines: Interface, text: string, signal: AbortSignal): Promise<string> {
  const answered = new AbortController();
  try {
    const answer = lines.question(text, { signal });
    const ended = once(lines, "close", { signal: answered.signal }).then(() => undefined);
    const line = await Promise.race([answer, ended]);
    if (line !== undefined) return line;
  } catch (cause) {
    throw new CliError({ code: "INTERRUPTED" }, { cause });
  } finally {
    answered.abort();
  }
  throw new CliError({ code: "INTERRUPTED" });
}
