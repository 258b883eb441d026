/**
 * Keeps the provider's processes small: agent and worker run under flags that favour memory, and find their
 * code compiled on disk. A process that does not would hold the compiler that strips types as long as it
 * lives, 17 MB, and its own first compilations, 10 more.
 *
 * Flags count from a process's first instruction, and compiled code serves only processes of equal flags:
 * so a process that was started without them replaces itself. The agent runs from a bundle of its code (bundle.ts) as
 * long as that was made of the sources as they are.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync, statSync } from "node:fs";
import { enableCompileCache, flushCompileCache, getCompileCacheDir } from "node:module";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { GIVE_BACK } from "@pingo/core/malloc";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * A small young generation, one helper thread, and no optimizing compilers: their code alone takes 6 MB that
 * a program which only waits and copies never earns back. Sparkplug, the baseline compiler, stays.
 */
export const LEAN_FLAGS = [
  "--max-semi-space-size=1",
  "--optimize-for-size",
  "--no-opt",
  "--no-maglev",
  "--v8-pool-size=1",
  "--expose-gc",
] as const;

const COMPILE = fileURLToPath(new URL("./compile.ts", import.meta.url));
/** A busy machine compiles in 10 s; past this the agent runs all the same, only larger. */
const COMPILE_MS_MAX = 60_000;

/** A file, its size, and when it was changed. */
export type SourceStamp = readonly [path: string, sizeBytes: number, changedUnixMs: number];

/** What the process that compiles leaves when it is done. */
export interface CompiledMark {
  /** URL of the agent's bundle; null where none could be made. */
  readonly entry: string | null;
  readonly sources: readonly SourceStamp[];
}

/**
 * Before anything else of ours is imported. Returns in a lean process, or where the system cannot replace
 * one (Windows) or keep compiled code (a full disk): there the agent is as good, and 55 MB larger.
 *
 * @returns URL of the agent's bundle, where there is one
 */
export async function becomeLean(env: Environment): Promise<string | null> {
  const cache = compileCacheFolder(env);
  const hasFlags = LEAN_FLAGS.every((flag) => process.execArgv.includes(flag));
  if (!hasFlags || env["NODE_COMPILE_CACHE"] !== cache) {
    replaceProcess(env, cache);
    enableCompileCache(cache);
    return null;
  }
  const compiled = compiledNow();
  if (compiled) return compiled.entry;
  await compile(env);
  if (compiledNow()) replaceProcess(env, cache);
  return null;
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

/** Written when the code of agent and worker is all there, for this version of Node, these flags, and where this code lies. */
export function compiledMark(): string | undefined {
  const folder = getCompileCacheDir();
  const place = createHash("sha256").update(COMPILE).digest("hex").slice(0, 8);
  return folder && join(folder, `${place}-provider-compiled`);
}

/** Null where nothing was compiled yet, or for other sources than there are now. */
function compiledNow(): CompiledMark | null {
  const mark = compiledMark();
  if (mark === undefined || !existsSync(mark)) return null;
  try {
    const compiled: CompiledMark = JSON.parse(readFileSync(mark, "utf8"));
    if (compiled.entry !== null) statSync(fileURLToPath(compiled.entry));
    return compiled.sources.every(isUnchanged) ? compiled : null;
  } catch {
    return null; // half of it, or the bundle was removed: it is made anew
  }
}

function isUnchanged([path, sizeBytes, changedUnixMs]: SourceStamp): boolean {
  const { size, mtimeMs } = statSync(path);
  return size === sizeBytes && mtimeMs === changedUnixMs;
}

/** The same program in the same process: same id, same stdin and stdout. */
function replaceProcess(env: Environment, cache: string): void {
  flushCompileCache(); // this file and the entry, which the next life reads first
  const words = [process.execPath, ...LEAN_FLAGS, ...process.argv.slice(1)];
  process.execve?.(process.execPath, words, { ...env, ...GIVE_BACK, NODE_COMPILE_CACHE: cache });
}
