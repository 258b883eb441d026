/**
 * Compiles what agents and workers run into the cache, in a process of its own: what that takes of memory
 * ends with it.
 */
import { writeFileSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { loadTuner, measureGflops } from "@pingo/autograd/runtime";
import { systemClock } from "@pingo/core/system";
import { agentBundle } from "./agent-bundle.ts";
import { compiledMark } from "./lean-process.ts";

process.stdin.on("end", () => process.exit(1)).resume(); // the agent that waits for this is gone

const bundle = agentBundle();
for (const part of bundle?.urls ?? ["./compose.ts", "./owner/start-warden.ts"]) await import(part);
await import("./worker/main.ts"); // serves no one here: this process has no agent
await import("./worker/run-piece-unit.ts");
await loadTuner(); // parts of the engine load on first use
await measureGflops({ clock: systemClock });
flushCompileCache();
const mark = compiledMark(bundle);
if (mark !== undefined) writeFileSync(mark, "");
process.exit(0);
