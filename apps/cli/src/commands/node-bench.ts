/** `pingo node bench`: how fast this computer is, measured as its offer measures it. */
import { type FaultReport, formatBytes, parseShape, RemoteError } from "@pingo/core";
import { zMeasuredSpeed } from "@pingo/scheduler/status";
import { Command } from "commander";
import type { Run } from "../cli.ts";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { runScript } from "../local/run-script.ts";
import { SCRIPTS } from "../local/scripts.ts";

const HELP = `
One thread, at the lowest priority, about two seconds. The agent measures the same by itself at idle moments.

Examples:
  pingo node bench
  pingo node bench --json | jq .gflops`;

export function nodeBenchCommand(run: Run): Command {
  return new Command("bench")
    .description("measure how fast this computer computes and reads memory")
    .addHelpText("after", HELP)
    .action(run(bench));
}

async function bench({ config, screen, signal }: Context): Promise<void> {
  const env = { ...config.inherited, PINGO_HOME: config.home };
  const { stdout, lastWords } = await runScript(SCRIPTS.provider, ["bench"], { env, signal });
  signal.throwIfAborted();
  const told = toldIn(stdout);
  if (told === undefined)
    throw new CliError({ code: "BENCH_FAILED", why: lastWords || "it ended without a word" });
  if ("error" in told) throw new RemoteError(told.error);
  const speed = parseShape(zMeasuredSpeed, told, "what was measured");
  screen.json(speed);
  screen.line(`${speed.gflops.toFixed(1)} GFLOP/s of single precision on one core`);
  screen.line(`${formatBytes(speed.memoryBytesPerSecond)} of memory a second, read and written by one core`);
}

function toldIn(stdout: string): { readonly error: FaultReport } | object | undefined {
  try {
    // SAFETY: our own script prints an object; what is in it is checked by the reader of each.
    return JSON.parse(stdout) as { readonly error: FaultReport } | object;
  } catch {
    return undefined;
  }
}
