import { spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync } from "node:fs";
import { expect, test } from "vitest";

const LOG = new URL("./log.ts", import.meta.url).href;
/** A device on which no byte ever fits. */
const FULL = "/dev/full";
const SCRIPT = `
  const { createLog } = await import(${JSON.stringify(LOG)});
  const log = createLog("info");
  for (let i = 0; i < 20_000; i++) log.info("line", { i });
  setImmediate(() => process.stdout.write("alive"));`;

test.runIf(existsSync(FULL))("a log that cannot be written does not end the process", () => {
  const stderr = openSync(FULL, "w");
  const { stdout, status } = spawnSync(process.execPath, ["--input-type=module", "-e", SCRIPT], {
    stdio: ["ignore", "pipe", stderr],
  });
  closeSync(stderr);
  expect({ said: stdout.toString(), status }).toEqual({ said: "alive", status: 0 });
});
