/**
 * A program in a session of its own, as each of an owner's terminals and services is: the kernel shares the cores
 * between sessions first, and only then looks at priorities within one (sched_autogroup).
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
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
/** The kernel ends it with this process, however this one ends. SOURCE: prctl(2), PR_SET_PDEATHSIG. */
const DIE_WITH_US = ["setpriv", "--pdeathsig", "KILL"] as const;
const canDieWithUs = spawnSync(DIE_WITH_US[0], [...DIE_WITH_US.slice(1), "true"]).status === 0;

/** Sessions of their own hear no Ctrl-C: who is told to end ends them, with all that they started. */
const running = new Set<number>();
for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const) {
  process.once(signal, () => {
    for (const pid of running) endSession(pid);
    process.exit(code);
  });
}

export function startInSession(
  command: string,
  words: readonly string[],
  { env = {}, folder }: SessionOptions = {},
): SessionProgram {
  const [program, ...rest] = [...(canDieWithUs ? DIE_WITH_US : []), command, ...words];
  const child = spawn(program ?? command, rest, {
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
  if (child.pid !== undefined) {
    running.add(pid);
    child.once("exit", () => running.delete(pid));
  }
  return {
    child,
    pid,
    firstLine,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
      child.kill("SIGTERM");
      const late = setTimeout(() => endSession(pid), STOP_MS_MAX);
      await exited;
      clearTimeout(late);
    },
  };
}

function endSession(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has just ended.
  }
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
