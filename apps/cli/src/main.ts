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

// A reader such as `head` may leave early: nothing more is said, and what runs is stopped.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    interrupt.abort(error);
  });
}

process.exitCode = await runCli({
  argv: process.argv.slice(2),
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  terminal:
    process.stdin.isTTY && process.stdout.isTTY
      ? { stdin: process.stdin, stdout: process.stdout }
      : undefined,
  signal: interrupt.signal,
  clock: systemClock,
  disk: systemDisk,
  fetch: systemFetch,
  prng: systemPrng,
});
