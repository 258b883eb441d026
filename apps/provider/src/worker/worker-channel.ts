/**
 * What the agent and its worker say to each other: one value a line, as JSON, over a pipe.
 *
 * Not Node's own channel: that keeps what comes until a message is whole, however long it says it is, reads it with native
 * code that a worker gone astray would feed, and obeys messages of its own kind from whoever writes them. Here a line
 * that is too long or is no JSON is the last that is heard of its sender.
 */
import type { ChildProcess } from "node:child_process";
import { Duplex } from "node:stream";
import { assert } from "@pingo/core";

/** As the launcher starts a worker. */
export const CHANNEL_FD = 3;
/** The last of a worker's words: it serves the agent at the other end of its channel. */
export const SERVE = "serve";
/** A report is a few numbers and a sentence. */
export const REPORT_BYTES_MAX = 65_536;
/** A task names as many blocks and arguments as a unit may; it comes from the agent. */
export const TASK_BYTES_MAX = 64 * 1_048_576;

const NEWLINE = 0x0a;

export interface ChannelOptions {
  readonly lineBytesMax: number;
  onValue(value: unknown): void;
  /** Once: nothing more is heard. @param why  what was wrong with what was said; null where the other end is gone */
  onOver(why: string | null): void;
}

export interface WorkerChannel {
  readonly isOver: boolean;
  say(value: object): void;
}

/** To a process that was started with a pipe for it. */
export function channelTo({ stdio }: ChildProcess, options: ChannelOptions): WorkerChannel {
  const pipes: readonly unknown[] = stdio;
  return openChannel(pipes[CHANNEL_FD], options);
}

export function openChannel(pipe: unknown, { lineBytesMax, onValue, onOver }: ChannelOptions): WorkerChannel {
  assert(pipe instanceof Duplex, "a worker is started with a pipe in both directions");
  let held: Buffer[] = [];
  let heldBytes = 0;
  let isOver = false;
  const over = (why: string | null): void => {
    if (isOver) return;
    isOver = true;
    held = [];
    pipe.destroy();
    onOver(why);
  };
  const hear = (line: string): void => {
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      over("it said what is no JSON");
      return;
    }
    onValue(value);
  };
  pipe.on("data", (chunk: Buffer) => {
    for (let from = 0; !isOver; ) {
      const to = chunk.indexOf(NEWLINE, from);
      const part = chunk.subarray(from, to < 0 ? chunk.byteLength : to);
      heldBytes += part.byteLength;
      if (heldBytes > lineBytesMax) return over(`it said more than ${lineBytesMax} bytes in one line`);
      held.push(part);
      if (to < 0) return;
      const line = Buffer.concat(held).toString("utf8");
      held = [];
      heldBytes = 0;
      from = to + 1;
      hear(line);
    }
  });
  for (const event of ["end", "error", "close"] as const) pipe.on(event, () => over(null));
  return {
    get isOver() {
      return isOver;
    },
    say(value) {
      if (!isOver) pipe.write(`${JSON.stringify(value)}\n`);
    },
  };
}
