/**
 * A program in a session of its own, as each of an owner's terminals and services is: the kernel shares the cores
 * between sessions first, and only then looks at priorities within one (sched_autogroup).
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export interface SessionProgram extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly pid: number;
  /** The first line of its output that is JSON. */
  readonly firstLine: Promise<Readonly<Record<string, unknown>>>;
}

export interface SessionOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly folder?: string;
}

const STOP_MS_MAX = 5_000;

export function startInSession(
  command: string,
  words: readonly string[],
  { env = {}, folder }: SessionOptions = {},
): SessionProgram {
  const child = spawn(command, words, {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "ignore"],
    detached: true,
    ...(folder !== undefined && { cwd: folder }),
  });
  const exited = once(child, "exit");
  exited.catch(() => undefined); // it could not be started: whoever waits for its first line hears of it
  const firstLine = new Promise<Readonly<Record<string, unknown>>>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`${command} ended with ${code} before it said a word`)));
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (line.startsWith("{")) resolve(JSON.parse(line));
    });
  });
  firstLine.catch(() => undefined); // not everyone waits for it
  const pid = child.pid ?? -1;
  return {
    child,
    pid,
    firstLine,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
      child.kill("SIGTERM");
      const late = setTimeout(() => process.kill(-pid, "SIGKILL"), STOP_MS_MAX);
      await exited;
      clearTimeout(late);
    },
  };
}

/** Runs it to its end; the seconds it took. */
export async function secondsOf(
  command: string,
  words: readonly string[],
  options: SessionOptions = {},
): Promise<number> {
  const startedMs = performance.now();
  const { child } = startInSession(command, words, options);
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`${command} ${words.join(" ")} ended with ${code}`);
  return (performance.now() - startedMs) / 1_000;
}
