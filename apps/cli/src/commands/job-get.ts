import { join, resolve } from "node:path";
import { parseCid } from "@pingo/core";
import { Command } from "commander";
import type { Run } from "../cli.ts";
import { type Context, connectAsReader } from "../context.ts";
import { optionsOf } from "../options.ts";

const HELP = `
Examples:
  pingo job get bafy…              model.onnx, metrics.json and provenance.json under $PINGO_HOME/jobs/ID;
                                   adapters.safetensors and model-raw.onnx where the job made them;
                                   of a Run job the folder pieces, with end.json, stdout, stderr and output
                                   of each piece by its number
  pingo job get bafy… --out ./here`;

export function jobGetCommand(run: Run): Command {
  return new Command("get")
    .description("fetch what a job made")
    .argument("<job>", "job id")
    .option("--out <folder>", "where it goes (default: $PINGO_HOME/jobs/ID)")
    .addHelpText("after", HELP)
    .action(run(get));
}

async function get(context: Context, command: Command): Promise<void> {
  const id = parseCid(command.args[0] ?? "");
  const out = optionsOf(command).text("out");
  const folder = out === undefined ? join(context.config.home, "jobs", id) : resolve(out);
  const files = await (await connectAsReader(context)).fetchResult(id, folder, { signal: context.signal });
  context.screen.json(files);
  for (const path of "model" in files
    ? [files.model, files.adapters, files.rawModel, files.metrics, files.provenance]
    : [files.pieces, files.provenance]) {
    if (path !== undefined) context.screen.line(path);
  }
}
