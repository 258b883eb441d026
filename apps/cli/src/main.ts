#!/usr/bin/env node
import { systemClock, systemDisk, systemFetch, systemPrng } from "@pingo/core/system";
import { runCli } from "./cli.ts";

const interrupt = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    if (interrupt.signal.aborted) return; // already stopping; each part has its time limit
    interrupt.abort(new Error(signal));
  });
}

process.exitCode = await runCli({
  argv: process.argv.slice(2),
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  signal: interrupt.signal,
  clock: systemClock,
  disk: systemDisk,
  fetch: systemFetch,
  prng: systemPrng,
});
