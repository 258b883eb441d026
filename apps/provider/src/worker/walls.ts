/** Which of the system's means around a worker work here: each is tried as a worker would be started, since one that is installed may be forbidden. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { BUBBLEWRAP_PROBE, resourceLimits } from "./sandbox.ts";
import { seccompFilter } from "./seccomp.ts";

export const WALL_NAMES = ["setpriv", "chrt", "prlimit", "bash", "bwrap", "seccomp"] as const;
export type WallName = (typeof WALL_NAMES)[number];
/** Why each is missing; null where it stands. */
export type Walls = { readonly [N in WallName]: string | null };

/** The kernel ends the worker when the agent dies, even in the middle of a long step. SOURCE: prctl(2). */
export const DIE_WITH_AGENT = ["setpriv", "--pdeathsig", "KILL"] as const;
/** Runs when nothing else wants the core; still gets a small share of a busy one. SOURCE: sched(7), SCHED_IDLE. */
export const IDLE_PRIORITY = ["chrt", "-i", "0"] as const;
/** A shell that waits for a while only, which not all do (guardian.ts). SOURCE: bash(1), read -t: a status above 128. */
const WAIT_A_WHILE = ["bash", "-c", 'read -r -t 0.001; [ "$?" -gt 128 ]'] as const;

export async function probeWalls(arch: NodeJS.Architecture = process.arch): Promise<Walls> {
  const probes = [DIE_WITH_AGENT, IDLE_PRIORITY, resourceLimits(), WAIT_A_WHILE, BUBBLEWRAP_PROBE];
  const [setpriv = null, chrt = null, prlimit = null, bash = null, bwrap = null] = await Promise.all(
    probes.map(whyNot),
  );
  return { setpriv, chrt, prlimit, bash, bwrap, seccomp: whyNoFilter(arch, bwrap) };
}

/** It is bubblewrap that hands the filter to the kernel. */
function whyNoFilter(arch: NodeJS.Architecture, bwrap: string | null): string | null {
  if (seccompFilter(arch) === undefined) return `PinGo knows no system calls of ${arch}`;
  return bwrap === null ? null : "it needs bwrap";
}

async function whyNot([command, ...words]: readonly [string, ...string[]]): Promise<string | null> {
  try {
    await promisify(execFile)(command, [...words, "true"]);
    return null;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "not on PATH";
    const said = error instanceof Error && "stderr" in error ? String(error.stderr) : String(error);
    return `it does not work here: ${said.trim().split("\n").at(-1) || "it says nothing"}`;
  }
}
