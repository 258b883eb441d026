/**
 * Keeps the provider's processes small: agent and worker run under flags that favour memory, and find their
 * code compiled on disk. A process that does not would hold the compiler that strips types as long as it
 * lives, 17 MB, and its own first compilations, 10 more.
 *
 * Flags count from a process's first instruction, and compiled code serves only processes of equal flags:
 * so a process that was started without them replaces itself.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { enableCompileCache, flushCompileCache, getCompileCacheDir } from "node:module";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { GIVE_BACK } from "@pingo/core/malloc";
import type { AgentBundle } from "./agent-bundle.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * A small young generation, one helper thread, and no optimizing compilers: their code alone takes 6 MB that
 * a program which only waits and copies never earns back. Sparkplug, the baseline compiler, stays. Without the snapshot that
 * Node starts from, a start takes 45 ms longer, and 4 MB of the binary's pages are never touched.
 */
export const LEAN_FLAGS = [
  "--max-semi-space-size=1",
  "--optimize-for-size",
  "--no-opt",
  "--no-maglev",
  "--v8-pool-size=1",
  "--expose-gc",
  "--no-node-snapshot",
] as const;

const COMPILE = fileURLToPath(new URL("./compile.ts", import.meta.url));
/** A busy machine compiles in 10 s; past this the agent runs all the same, only larger. */
const COMPILE_MS_MAX = 60_000;

/**
 * Before anything else of ours is imported. Returns in a lean process, or where the system cannot replace
 * one (Windows) or keep compiled code (a full disk): there the agent is as good, and 40 MB larger.
 */
export async function becomeLean(env: Environment, bundle: AgentBundle | null): Promise<void> {
  const cache = compileCacheFolder(env);
  const hasFlags = LEAN_FLAGS.every((flag) => process.execArgv.includes(flag));
  if (!hasFlags || env["NODE_COMPILE_CACHE"] !== cache) {
    replaceProcess(env, cache);
    enableCompileCache(cache);
    return;
  }
  if (isCompiled(bundle)) return;
  await compile(env);
  if (isCompiled(bundle)) replaceProcess(env, cache);
}

/** Its stdin is a pipe that we hold: should we end first, so does it. */
async function compile(env: Environment): Promise<void> {
  const child = spawn(process.execPath, [...LEAN_FLAGS, COMPILE], {
    env,
    stdio: ["pipe", "ignore", "ignore"],
    timeout: COMPILE_MS_MAX,
  });
  await once(child, "close").catch(() => undefined); // it could not be started: there is no mark either
}

export function compileCacheFolder(env: Environment): string {
  const home = env["PINGO_HOME"] || join(homedir(), ".pingo");
  return resolve(env["NODE_COMPILE_CACHE"] || join(home, "compile-cache"));
}

/** Written when the code of agent and worker is all there, for this version of Node and these flags. */
export function compiledMark(bundle: AgentBundle | null): string | undefined {
  const folder = getCompileCacheDir();
  return folder && join(folder, `${bundle?.hash.slice(0, 16) ?? "sources"}-provider-compiled`);
}

function isCompiled(bundle: AgentBundle | null): boolean {
  const mark = compiledMark(bundle);
  return mark !== undefined && existsSync(mark);
}

/** The same program in the same process: same id, same stdin and stdout. */
function replaceProcess(env: Environment, cache: string): void {
  flushCompileCache(); // this file and the entry, which the next life reads first
  const words = [process.execPath, ...LEAN_FLAGS, ...process.argv.slice(1)];
  process.execve?.(process.execPath, words, { ...env, ...GIVE_BACK, NODE_COMPILE_CACHE: cache });
}
