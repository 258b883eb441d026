import { describeLeftOut, formatBytes, formatDuration, groupLeftOut } from "@pingo/core";
import type { PreparedJob, PreparedRun } from "@pingo/sdk";
import { Command } from "commander";
import type { Run } from "../cli.ts";
import type { Context } from "../context.ts";
import { loadJobTellingAll, loadRunTellingAll } from "../load-job.ts";
import { count, piecesText } from "../view/job-view.ts";

const HELP = `
Examples:
  pingo job validate job.yaml      every mistake in the file, with its line; then the model and the data
  pingo job validate job.yaml --json`;

export function jobValidateCommand(run: Run): Command {
  return new Command("validate")
    .description("check a job file and all that it names; nothing is sent")
    .argument("<file>", "job file (YAML or JSON)")
    .addHelpText("after", HELP)
    .action(run(validate));
}

async function validate(context: Context, command: Command): Promise<void> {
  const { screen } = context;
  const name = command.args[0] ?? "";
  const run = await loadRunTellingAll(context, name);
  if (run !== undefined) return tellRun(context, name, run);
  const prepared = await loadJobTellingAll(context, name);
  const { signature, train, test } = prepared;
  const weights = signature.parameters.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  screen.line(`${name} is valid`);
  screen.line(`  model  ${count(weights)} weights in ${signature.parameters.length} tensors`);
  screen.line(
    `  train  ${count(train.rows)} rows of ${train.fields.map(({ name: field }) => field).join(", ")}`,
  );
  if (test) screen.line(`  test   ${count(test.rows)} rows`);
  screen.line(`  size   ${formatBytes(prepared.sizeBytes)}`);
  const { memory, layout } = prepared.programs.train;
  const lent = formatBytes(prepared.file.workers.memoryBytes);
  screen.line(
    `  memory ${formatBytes(memory.totalBytes)} of a worker's ${lent}${layoutText(layout)}; the data on top`,
  );
  const { leftOut } = prepared.programs.train;
  for (const group of groupLeftOut(leftOut)) screen.line(`  left out ${describeLeftOut(group)}`);
  screen.json({
    valid: true,
    name: prepared.file.name,
    weights,
    leftOut,
    trainRows: train.rows,
    testRows: test?.rows ?? 0,
    sizeBytes: prepared.sizeBytes,
    memory: { plannedBytes: memory.totalBytes, limitBytes: prepared.file.workers.memoryBytes, ...layout },
  });
}

function tellRun({ screen }: Context, name: string, { file, inputs, pieces, sizeBytes }: PreparedRun): void {
  const { limits, workers } = file;
  const { memoryBytes } = workers;
  screen.line(`${name} is valid`);
  screen.line(
    `  pieces ${piecesText(pieces)}${file.verify === "always" ? ", each run by two providers" : ""}`,
  );
  screen.line(`  limits ${formatBytes(memoryBytes)} of memory, ${formatBytes(limits.outputBytes)} of output`);
  screen.line(`         ${formatDuration(limits.secondsPerPiece * 1_000)} for each`);
  screen.line(`  size   ${formatBytes(sizeBytes)}`);
  screen.json({
    valid: true,
    name: file.name,
    pieces,
    inputs: inputs.length,
    sizeBytes,
    limits: { ...limits, memoryBytes },
  });
}

/** How the step was laid out so that it fits. */
function layoutText({ microBatches, recompute }: PreparedJob["programs"]["train"]["layout"]): string {
  const passes = microBatches > 1 ? `, each batch in ${microBatches} passes` : "";
  return recompute > 1 ? `${passes}, ${recompute} parts computed again` : passes;
}
