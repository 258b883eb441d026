import { parseCid } from "@pingo/core";
import { Command } from "commander";
import type { Run } from "../cli.ts";
import { type Context, connectAsUser } from "../context.ts";

const HELP = `
Examples:
  pingo job stop bafy…   its providers are told at once; rounds already committed are kept`;

export function jobStopCommand(run: Run): Command {
  return new Command("stop")
    .description("stop a job of yours")
    .argument("<job>", "job id")
    .addHelpText("after", HELP)
    .action(run(stop));
}

async function stop(context: Context, command: Command): Promise<void> {
  const id = parseCid(command.args[0] ?? "");
  const view = await (await connectAsUser(context)).stop(id, { signal: context.signal });
  context.screen.json(view);
  context.screen.line(`job ${view.id} is ${view.state}`);
}
