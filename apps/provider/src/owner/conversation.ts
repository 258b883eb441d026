/** A program that is started once and asked again and again: it says a line at its start, and one for each empty line. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createInterface, type Interface } from "node:readline";
import type { Readable, Writable } from "node:stream";

export interface ConversationOptions {
  readonly command: string;
  readonly words: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** It may have to compile what it asks with. */
const FIRST_MS_MAX = 10_000;
const ANSWER_MS_MAX = 2_000;

interface Partner {
  readonly child: ChildProcessByStdio<Writable, Readable, null>;
  readonly lines: Interface;
}

export class Conversation {
  readonly #options: ConversationOptions;
  #partner: Partner | undefined;
  #asked: Promise<string | null> | undefined;

  constructor(options: ConversationOptions) {
    this.#options = options;
  }

  /** The next line; null where the program is missing, ends or takes too long, and the next time it is started anew. */
  ask(): Promise<string | null> {
    this.#asked ??= this.#askNow().finally(() => {
      this.#asked = undefined;
    });
    return this.#asked;
  }

  async #askNow(): Promise<string | null> {
    const before = this.#partner;
    if (before !== undefined) before.child.stdin.write("\n");
    const partner = before ?? this.#start();
    const line = await nextLine(partner, before === undefined ? FIRST_MS_MAX : ANSWER_MS_MAX);
    if (line === null) this.#end(partner);
    return line;
  }

  #start(): Partner {
    const { command, words, env } = this.#options;
    const child = spawn(command, words, { env, stdio: ["pipe", "pipe", "ignore"], windowsHide: true });
    const partner = { child, lines: createInterface({ input: child.stdout }) };
    this.#partner = partner;
    const forget = (): void => this.#end(partner);
    child.once("error", forget).once("exit", forget);
    child.stdin.on("error", forget); // it ended while it was asked
    // It ends with its input, so with us, and keeps nobody waiting.
    child.unref();
    return partner;
  }

  #end(partner: Partner): void {
    if (this.#partner === partner) this.#partner = undefined;
    partner.child.kill("SIGKILL");
  }
}

function nextLine({ lines }: Partner, msMax: number): Promise<string | null> {
  return new Promise((resolve) => {
    const say = (line: string | null): void => {
      clearTimeout(timer);
      lines.off("line", say).off("close", close);
      resolve(line);
    };
    const close = (): void => say(null);
    const timer = setTimeout(close, msMax);
    lines.once("line", say).once("close", close);
  });
}
