/** The two seconds that the agent measures at idle moments, now, beside whatever else runs: for `pingo node bench`. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLog } from "@pingo/core/log";
import { systemClock, systemPrng } from "@pingo/core/system";
import type { MeasuredSpeed } from "@pingo/scheduler/status";
import type { ProviderConfig } from "../config.ts";
import { findLauncher } from "../worker/launcher.ts";
import { WorkerSlot } from "../worker/worker-slot.ts";
import { FULL_PASSES } from "./benchmark.ts";

export async function benchNow(config: ProviderConfig): Promise<MeasuredSpeed> {
  // Folders of its own: an agent may be working in the provider's.
  const folder = await mkdtemp(join(tmpdir(), "pingo-bench-"));
  try {
    const log = createLog("silent");
    const launcher = await findLauncher({
      environment: config.workerEnvironment,
      folders: {
        blocks: join(folder, "blocks"),
        updates: join(folder, "updates"),
        compileCache: config.compileCache,
      },
      log,
    });
    await using slot = new WorkerSlot({
      purpose: "measure",
      launcher,
      clock: systemClock,
      prng: systemPrng,
      log,
    });
    const speed = await slot.measure(FULL_PASSES);
    return { ...speed, atUnixMs: systemClock.nowUnixMs(), isFull: true };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
