import type { JobView } from "@pingo/core";
import { Command } from "commander";
import type { Run } from "../cli.ts";
import { type Context, connectAsReader } from "../context.ts";
import { percent } from "../view/job-view.ts";
import { table } from "../view/table.ts";

const HELP = `
Examples:
  pingo job list
  pingo job list --json | jq '.jobs[] | select(.state == "running")'`;

export function jobListCommand(run: Run): Command {
  return new Command("list").description("jobs of the fog node").addHelpText("after", HELP).action(run(list));
}

async function list(context: Context): Promise<void> {
  const jobs = await (await connectAsReader(context)).list({ signal: context.signal });
  context.screen.json({ jobs });
  if (jobs.length === 0) {
    context.screen.line('no jobs yet; "pingo train job.yaml --follow" starts one');
    return;
  }
  const columns = [
    { title: "JOB" },
    { title: "NAME" },
    { title: "STATE" },
    { title: "ROUND", align: "right" },
    { title: "LOSS", align: "right" },
    { title: "ACCURACY", align: "right" },
  ] as const;
  context.screen.line(table(columns, jobs.map(rowOf)));
}

function rowOf(job: JobView): readonly string[] {
  const accuracy = job.evaluation?.accuracy;
  return [
    job.id,
    job.name,
    job.state,
    job.kind === "Run" ? "" : `${job.round}/${job.rounds}`,
    job.loss === null || job.kind === "Run" ? "" : job.loss.toFixed(4),
    accuracy === null || accuracy === undefined ? "" : percent(accuracy),
  ];
}
