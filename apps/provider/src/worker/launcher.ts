/**
 * How a worker process is started on this machine: with idle priority and a death bound to the agent's,
 * where the system has the tools for it.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { GIVE_BACK, LEAN_FLAGS } from "../lean-process.ts";

export interface Launcher {
  start(): ChildProcess;
}

/** The kernel ends the worker when the agent dies, even in the middle of a long step. SOURCE: prctl(2). */
const DIE_WITH_AGENT = ["setpriv", "--pdeathsig", "KILL"] as const;
/** Runs when nothing else wants the core; still gets a small share of a busy one. SOURCE: sched(7), SCHED_IDLE. */
const IDLE_PRIORITY = ["chrt", "-i", "0"] as const;
const ENTRY = fileURLToPath(new URL("./main.ts", import.meta.url));

export async function findLauncher(environment: Readonly<Record<string, string>>): Promise<Launcher> {
  const wrappers = await Promise.all([DIE_WITH_AGENT, IDLE_PRIORITY].map(ifUsable));
  const [command = process.execPath, ...words] = [...wrappers.flat(), process.execPath, ...LEAN_FLAGS, ENTRY];
  return {
    start: () =>
      spawn(command, words, {
        env: { ...environment, ...GIVE_BACK, UV_THREADPOOL_SIZE: "2" },
        stdio: ["ignore", "ignore", "inherit", "ipc"],
        serialization: "advanced",
      }),
  };
}

async function ifUsable([command, ...words]: readonly [string, ...string[]]): Promise<readonly string[]> {
  try {
    await promisify(execFile)(command, [...words, "true"]);
    return [command, ...words];
  } catch {
    return []; // not on this system, or not allowed here: the worker runs without
  }
}
