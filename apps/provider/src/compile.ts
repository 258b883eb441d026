/**
 * Compiles what agents and workers run into the cache, in a process of its own: what that takes of memory
 * ends with it.
 */
import { writeFileSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { loadTuner, measureGflops } from "@pingo/autograd/runtime";
import { systemClock } from "@pingo/core/system";
import { compiledMark } from "./lean-process.ts";

process.stdin.on("end", () => process.exit(1)).resume(); // the agent that waits for this is gone

await import("./compose.ts");
await import("./owner/start-warden.ts");
await import("./worker/main.ts"); // serves no one here: this process has no agent
await import("./worker/run-piece-unit.ts");
await loadTuner(); // parts of the engine load on first use
await measureGflops({ clock: systemClock });
flushCompileCache();
const mark = compiledMark();
if (mark !== undefined) writeFileSync(mark, "");
process.exit(0);
