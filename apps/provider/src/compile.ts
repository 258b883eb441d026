/**
 * Bundles the agent's code, and compiles what agents and workers run into the cache, in a process of its own: what that
 * takes of memory ends with it.
 */
import { renameSync, writeFileSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { loadTuner, measureGflops } from "@pingo/autograd/runtime";
import { systemClock } from "@pingo/core/system";
import type { Bundle } from "./bundle.ts";
import { type CompiledMark, compiledMark } from "./lean-process.ts";

process.stdin.on("end", () => process.exit(1)).resume(); // the agent that waits for this is gone

const mark = compiledMark();
const bundle = mark === undefined ? null : await bundled(mark);
const own = ["./compose.ts", "./owner/start-warden.ts"];
for (const file of bundle?.files ?? own) await import(file);
await import("./worker/main.ts"); // serves no one here: this process has no agent
await import("./worker/run-piece-unit.ts");
await loadTuner(); // parts of the engine load on first use
await measureGflops({ clock: systemClock });
flushCompileCache();
if (mark !== undefined) {
  const compiled: CompiledMark = { entry: bundle?.files[0] ?? null, sources: bundle?.sources ?? [] };
  // Renamed, so that nobody reads half of it.
  writeFileSync(`${mark}.${process.pid}`, JSON.stringify(compiled));
  renameSync(`${mark}.${process.pid}`, mark);
}
process.exit(0);

/** Null where the bundler has no build for this system, or the disk is full: agents run from their sources. */
async function bundled(path: string): Promise<Bundle | null> {
  try {
    const { bundleAgent } = await import("./bundle.ts");
    return await bundleAgent(path);
  } catch {
    return null;
  }
}
