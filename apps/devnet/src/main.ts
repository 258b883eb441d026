/** The devnet as a process: one JSON line on stdout when it is ready, or when it cannot be. */

import { isFault, reportOf } from "@pingo/core";
import { createLog } from "@pingo/core/log";
import { fullDiskOr, systemClock, systemPrng, untilStopped } from "@pingo/core/system";
import { readConfig } from "./config.ts";
import { startDevnet } from "./devnet.ts";

// What it writes, the faucet's key above all, is for its own user alone.
process.umask(0o077);
let folder = "";
try {
  const config = readConfig(process.env);
  folder = config.folder;
  const log = createLog(config.logLevel);
  await using devnet = await startDevnet(config, { clock: systemClock, prng: systemPrng, log });
  console.log(JSON.stringify({ ready: true, devnet: devnet.view }));
  process.exitCode = await untilStopped({
    name: "devnet",
    exitsWithParent: config.exitsWithParent,
    failed: devnet.failed,
    log,
  });
} catch (cause) {
  const error = fullDiskOr(folder, cause);
  if (!isFault(error))
    createLog("error").error("devnet_broke", { why: String(error instanceof Error ? error.stack : error) });
  console.log(JSON.stringify({ error: reportOf(error) }));
  process.exitCode = 1;
}
