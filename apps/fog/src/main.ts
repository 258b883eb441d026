/** The fog node as a process: one JSON line on stdout when it is ready, or when it cannot be. */
import { isFault, reportOf } from "@pingo/core";
import { createLog } from "@pingo/core/log";
import {
  fullDiskOr,
  systemClock,
  systemDisk,
  systemFetch,
  systemPrng,
  untilStopped,
} from "@pingo/core/system";
import { readConfig } from "./config.ts";
import { startStation } from "./station.ts";

// What the station writes, its key above all, is for its own user alone.
process.umask(0o077);
let folder = "";
try {
  const config = readConfig(process.env);
  folder = config.folder;
  const log = createLog(config.logLevel);
  const ports = { clock: systemClock, prng: systemPrng, log, disk: systemDisk, fetch: systemFetch };
  await using station = await startStation(config, ports);
  console.log(JSON.stringify({ ready: true, node: station.view }));
  process.exitCode = await untilStopped({
    name: "station",
    exitsWithParent: config.exitsWithParent,
    failed: station.failed,
    log,
  });
} catch (cause) {
  const error = fullDiskOr(folder, cause);
  if (!isFault(error))
    createLog("error").error("station_broke", { why: String(error instanceof Error ? error.stack : error) });
  console.log(JSON.stringify({ error: reportOf(error) }));
  process.exitCode = 1;
}
