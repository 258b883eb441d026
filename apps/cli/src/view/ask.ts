/** Questions to a person at a terminal: a default for an empty line, and asked again until the answer is one. */
import { createInterface } from "node:readline/promises";
import type { Readable, Writable } from "node:stream";
import { readAnswer } from "./read-answer.ts";

export interface Question<T> {
  readonly text: string;
  /** What an empty line means, as it would be typed. */
  readonly byDefault: string;
  /** @throws a fault whose sentence is shown before the question is asked again */
  parse(answer: string): T;
}

export interface Asker extends Disposable {
  ask<T>(question: Question<T>): Promise<T>;
}

/** A mistyped answer is human; a hundred are not a person. */
const TRIES_MAX = 10;

export function createAsker(input: Readable, output: Writable, signal: AbortSignal): Asker {
  const lines = createInterface({ input, output });
  return {
    async ask({ text, byDefault, parse }) {
      for (let tries = 1; ; tries++) {
        const typed = (await readAnswer(lines, `${text} [${byDefault}] `, signal)).trim();
        try {
          return parse(typed === "" ? byDefault : typed);
        } catch (error) {
          if (tries >= TRIES_MAX || !(error instanceof Error)) throw error;
          output.write(`${error.message}\n`);
        }
      }
    },
    [Symbol.dispose]: () => lines.close(),
  };
}
