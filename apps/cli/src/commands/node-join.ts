import { LIMITS } from "@pingo/core";
import { Command } from "commander";
import type { Run } from "../cli.ts";
import { type Context, connectAsReader } from "../context.ts";
import { runDaemon } from "../daemon.ts";
import { SCRIPTS } from "../local/scripts.ts";
import { optionsOf } from "../options.ts";

const HELP = `
Examples:
  pingo node join                              to the fog node of PINGO_FOG
  pingo node join --fog http://10.0.0.5:4710 --slots 2
  pingo node policy set balanced               first, to lend more than the gentle default`;

export function nodeJoinCommand(run: Run): Command {
  return new Command("join")
    .description("lend this computer until Ctrl-C; your own work always goes first")
    .option("--slots <number>", "units of work side by side (default: 1)")
    .addHelpText("after", HELP)
    .action(run(join));
}

async function join(context: Context, command: Command): Promise<void> {
  const slots = optionsOf(command).whole("slots", { min: 1, max: LIMITS.leasesPerProviderMax }) ?? 1;
  const fog = await (await connectAsReader(context)).node({ signal: context.signal }); // unreachable is told at once
  await runDaemon(context, {
    name: "provider",
    script: SCRIPTS.provider,
    env: { PINGO_FOG: context.fogUrl, PINGO_PROVIDER_SLOTS: String(slots) },
    whenReady: (line) => {
      const id = typeof line === "object" && line !== null && "provider" in line ? String(line.provider) : "";
      return `provider ${id} works for fog node ${fog.id}`;
    },
  });
}
