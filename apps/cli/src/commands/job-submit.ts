import { Command } from "commander";
import type { Run } from "../cli.ts";
import { type Context, connectAsUser } from "../context.ts";
import { loadAnyJob } from "../load-job.ts";
import { payForJob } from "../pay.ts";
import { submitJob } from "../submit.ts";

const HELP = `
Examples:
  pingo job submit job.yaml
  pingo job submit job.yaml --json | jq -r .id`;

export function jobSubmitCommand(run: Run): Command {
  return new Command("submit")
    .description("check a job file and send it")
    .argument("<file>", "job file (YAML or JSON)")
    .addHelpText("after", HELP)
    .action(run(submit));
}

async function submit(context: Context, command: Command): Promise<void> {
  const prepared = await loadAnyJob(context, command.args[0] ?? "");
  const client = await connectAsUser(context);
  const view = await submitJob(context, client, prepared);
  await payForJob(context, client, view.id, prepared);
  context.screen.line(view.id);
  context.screen.json(view);
}
