/**
 * What a worker writes to stderr becomes lines of the agent's log. Its own stderr it is not given: that may be a terminal, in
 * which it could read what is typed, or the log's file, which it could empty.
 */
import type { Readable } from "node:stream";
import type { Log } from "@pingo/core";

const LINE_CHARS_MAX = 1_024;
/** Of one process, however long it lives. */
const CHARS_MAX = 1_048_576;

export function relayWords(stderr: Readable, log: Log, pid: number): void {
  let left = CHARS_MAX;
  let line = "";
  const tell = (): void => {
    // Whoever looks at a log in a terminal must not be its terminal's victim.
    const text = line.replaceAll(/[\p{Cc}\p{Cf}]/gu, " ").trim();
    line = "";
    if (text !== "") log.warn("worker_says", { pid, text });
  };
  stderr.setEncoding("utf8");
  stderr.on("data", (words: string) => {
    if (stderr.destroyed) return; // it was heard enough
    left -= words.length;
    if (left < 0) {
      log.warn("worker_says_too_much", { pid, charsMax: CHARS_MAX });
      stderr.destroy(); // it writes to nobody from now on
      return;
    }
    for (const [i, part] of words.split("\n").entries()) {
      if (i > 0) tell();
      line += part.slice(0, LINE_CHARS_MAX - line.length);
    }
  });
  stderr.on("end", tell).on("error", () => undefined); // it ended in the middle of a line
}
