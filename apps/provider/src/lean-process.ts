/**
 * Keeps a process small: code is compiled for size, and kept compiled on disk for all agents and workers
 * of this machine. Together they spare the agent 50 MB, part of it the compiler that strips types.
 */
import { enableCompileCache } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";

type Environment = Readonly<Record<string, string | undefined>>;

/** Before anything of ours is imported: what came earlier is compiled as usual. */
export function runLean(env: Environment): void {
  setFlagsFromString("--optimize-for-size");
  setFlagsFromString("--max-semi-space-size=1");
  enableCompileCache(compileCacheFolder(env));
}

export function compileCacheFolder(env: Environment): string {
  return env["NODE_COMPILE_CACHE"] || join(env["PINGO_HOME"] || join(homedir(), ".pingo"), "compile-cache");
}
