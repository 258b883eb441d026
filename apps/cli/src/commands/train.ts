import { join } from "node:path";
import { assert } from "@pingo/core";
import { Command } from "commander";
import type { Run } from "../cli.ts";
import { type Context, connectAsUser } from "../context.ts";
import { loadJob } from "../load-job.ts";
import { optionsOf } from "../options.ts";
import { followPaidJob, payForJob } from "../pay.ts";
import { submitJob } from "../submit.ts";

const HELP = `
Examples:
  pingo train job.yaml                 check the job, send it, and return its id
  pingo train job.yaml --follow        watch it as well, and fetch the model at the end; where jobs are paid on
                                       chain, your wallet funds its escrow and accepts its bill,
                                       if it comes out again from its receipts
  pingo train job.yaml --follow --json events as JSON, one per line`;

export function trainCommand(run: Run): Command {
  return new Command("train")
    .description("train a model: check the job file, submit it, watch it")
    .argument("<file>", "job file (YAML or JSON)")
    .option("--follow", "watch until it ends, then fetch the model")
    .option("--out <folder>", "where the result goes (default: $PINGO_HOME/jobs/ID)")
    .addHelpText("after", HELP)
    .action(run(train));
}

async function train(context: Context, command: Command): Promise<void> {
  const { screen } = context;
  const options = optionsOf(command);
  const prepared = await loadJob(context, command.args[0] ?? "");
  const client = await connectAsUser(context);
  const view = await submitJob(context, client, prepared);
  const escrow = await payForJob(context, client, view.id, prepared);
  if (!options.flag("follow")) {
    screen.line(`job ${view.id} is ${view.state}; watch it with "pingo job show ${view.id} --follow"`);
    screen.json(view);
    return;
  }
  const folder = options.text("out") ?? join(context.config.home, "jobs", view.id);
  const done = await followPaidJob(context, client, {
    ...{ job: view.id, escrow },
    async take(job) {
      const files = await client.fetchResult(job.id, folder, { signal: context.signal });
      assert("model" in files, "a job of a training file trains");
      screen.line(`model ${files.model}`);
      return { job, files };
    },
  });
  screen.json(done);
}
