/** The real ports, and a process around the agent: one ready line, one fault line, and a stop within 3 s. */
import { flushCompileCache } from "node:module";
import { isFault, reportOf } from "@pingo/core";
import { createLog } from "@pingo/core/log";
import { fullDiskOr, systemClock, systemDisk, systemFetch, systemPrng } from "@pingo/core/system";
import { startAgent } from "./agent.ts";
import { countingFetch } from "./collect.ts";
import { readConfig } from "./config.ts";

/** Whatever hangs then is left to the kernel: nothing acknowledged is held in memory. */
const STOP_MS_MAX = 2_500;

/** Resolves with the exit code once everything has stopped. */
export async function runProvider(
  env: Readonly<Record<string, string | undefined>>,
  say: (line: string) => void,
): Promise<number> {
  let folder = "";
  try {
    const config = readConfig(env);
    folder = config.folder;
    const log = createLog(config.logLevel);
    const stop = stopRequested(config.exitsWithParent);
    const fetch = countingFetch(systemFetch);
    const ports = { clock: systemClock, prng: systemPrng, log, disk: systemDisk, fetch };
    const agent = await startAgent(config, ports);
    process.on("SIGTSTP", () => {
      agent.hold(true);
      process.kill(process.pid, "SIGSTOP");
    });
    process.on("SIGCONT", () => agent.hold(false));
    say(JSON.stringify({ ready: true, provider: agent.id }));
    flushCompileCache(); // a killed process writes none
    let exitCode = 1;
    try {
      log.info("stopping", { reason: await Promise.race([stop, agent.ended.then(() => "ended")]) });
      exitCode = 0;
    } finally {
      setTimeout(() => process.exit(exitCode), STOP_MS_MAX).unref();
      await agent[Symbol.asyncDispose]();
    }
    return exitCode;
  } catch (cause) {
    const error = fullDiskOr(folder, cause);
    if (!isFault(error)) process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    say(JSON.stringify({ error: reportOf(error) }));
    return 1;
  }
}

/** One line of JSON: what each sensor of the owner's policy says, and which walls stand around workers. */
export async function runSensors(
  env: Readonly<Record<string, string | undefined>>,
  say: (line: string) => void,
): Promise<number> {
  const { tellSensors } = await import("./owner/tell-sensors.ts");
  const { probeWalls } = await import("./worker/walls.ts");
  const sensors = await tellSensors(readConfig(env).desktopEnvironment, systemClock);
  say(JSON.stringify({ sensors, walls: await probeWalls() }));
  return 0;
}

/** One line of JSON: how fast one thread is, at the priority and behind the walls of a worker. */
export async function runBench(
  env: Readonly<Record<string, string | undefined>>,
  say: (line: string) => void,
): Promise<number> {
  try {
    const { benchNow } = await import("./offer/bench-now.ts");
    say(JSON.stringify(await benchNow(readConfig(env))));
    return 0;
  } catch (error) {
    if (!isFault(error)) process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    say(JSON.stringify({ error: reportOf(error) }));
    return 1;
  }
}

function stopRequested(exitsWithParent: boolean): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => resolve(signal));
    if (exitsWithParent) {
      process.stdin.on("end", () => resolve("the parent ended"));
      process.stdin.on("error", () => resolve("the parent ended"));
      process.stdin.resume();
    }
  });
}
