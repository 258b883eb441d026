/** Asks a person at a terminal for what must not be seen: nothing that is typed is shown. */
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import type { Terminal } from "../context.ts";
import { readAnswer } from "./read-answer.ts";

export async function askSecret(
  { stdin, stdout }: Terminal,
  question: string,
  signal: AbortSignal,
): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  // As a terminal, so that readline takes the echo away from the system.
  const lines = createInterface({ input: stdin, output: nowhere, terminal: true });
  try {
    stdout.write(question);
    return await readAnswer(lines, "", signal);
  } finally {
    lines.close();
    stdout.write("\n");
  }
}
