import {
  describeLeftOut,
  formatBytes,
  formatDuration,
  type JobId,
  type JobView,
  type LeftOutGroup,
  parseCid,
} from "@pingo/core";
import type { FogClient } from "@pingo/sdk";
import { Command } from "commander";
import type { Run } from "../cli.ts";
import { type Context, connectAsReader } from "../context.ts";
import { followJob } from "../follow.ts";
import { optionsOf } from "../options.ts";
import { count, percent } from "../view/job-view.ts";
import { refutedLines } from "../view/refuted-view.ts";

const HELP = `
Examples:
  pingo job show bafy…            where it stands
  pingo job show bafy… --follow   watch it until it ends (exit code 0 only if it succeeds)`;

export function jobShowCommand(run: Run): Command {
  return new Command("show")
    .description("where a job stands")
    .argument("<job>", "job id")
    .option("--follow", "watch until it ends")
    .addHelpText("after", HELP)
    .action(run(show));
}

async function show(context: Context, command: Command): Promise<void> {
  const id = parseCid(command.args[0] ?? "");
  const client = await connectAsReader(context);
  if (optionsOf(command).flag("follow")) {
    await client.show(id, { signal: context.signal }); // an unknown job is told at once
    await followJob(context, client, id);
  }
  const view = await client.show(id, { signal: context.signal });
  const leftOut = await leftOutOf(context, client, id);
  const refuted = await client.refutedOfJob(id, { signal: context.signal });
  context.screen.json({ ...view, ...(leftOut.length > 0 && { leftOut }), refuted });
  for (const line of [...linesOf(view), ...refutedLines(refuted, view.kind === "Train")])
    context.screen.line(line);
  for (const group of leftOut) context.screen.line(`left out   ${describeLeftOut(group)}`);
}

/** What is not trained by nobody's word: told once, when the job was taken in, which is its first event. */
async function leftOutOf(
  { signal }: Context,
  client: FogClient,
  id: JobId,
): Promise<readonly LeftOutGroup[]> {
  for await (const { event, sequence } of client.events(id, { signal })) {
    if (sequence === null) continue; // progress, which is not kept
    return event.type === "accepted" ? (event.leftOut ?? []) : [];
  }
  return [];
}

export function linesOf(view: JobView): readonly string[] {
  const { evaluation, trainingMs, rows } = view;
  const accuracy = evaluation?.accuracy ?? null;
  if (view.kind === "Run") return linesOfRun(view);
  const speed = trainingMs > 0 ? `, ${count((rows * 1000) / trainingMs)} samples/s` : "";
  return [
    `job        ${view.id}`,
    `name       ${view.name}`,
    `state      ${view.state}${view.reason === null ? "" : `: ${view.reason}`}`,
    `rounds     ${view.round} of ${view.rounds}, ${count(view.steps)} steps, ${count(rows)} rows`,
    `loss       ${view.loss === null ? "not yet known" : view.loss.toFixed(4)}`,
    `held out   ${evaluation === null ? "not yet known" : `loss ${evaluation.loss.toFixed(4)}`}${accuracy === null ? "" : `, accuracy ${percent(accuracy)}`}`,
    `providers  ${view.providers.length}`,
    `traffic    ${formatBytes(view.bytesUp)} up, ${formatBytes(view.bytesDown)} down`,
    `time       ${formatDuration(trainingMs)}${speed}`,
  ];
}

function linesOfRun(view: JobView): readonly string[] {
  return [
    `job        ${view.id}`,
    `name       ${view.name}`,
    `state      ${view.state}${view.reason === null ? "" : `: ${view.reason}`}`,
    `runs       ${view.round === 1 ? `${count(view.steps)} done` : "not all done yet"}`,
    `providers  ${view.providers.length}`,
    `traffic    ${formatBytes(view.bytesUp)} up, ${formatBytes(view.bytesDown)} down`,
    `time       ${formatDuration(view.trainingMs)}`,
  ];
}
