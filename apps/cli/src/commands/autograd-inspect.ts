import { formatBytes } from "@pingo/core";
import { Command } from "commander";
import type { Run } from "../cli.ts";
import type { Context } from "../context.ts";
import { loadModel } from "../load-model.ts";
import { count } from "../view/job-view.ts";
import { table } from "../view/table.ts";

const HELP = `
FLOPs are those of one forward pass; a train step takes about three times as many. Sizes that the model leaves open
count as 1. State is the weights, their gradients and AdamW's two moments.

Examples:
  pingo autograd inspect model.onnx
  pingo autograd inspect model.onnx --json   ops, parameters, flopsPerRow, memory, withoutGradient`;

export function autogradInspectCommand(run: Run): Command {
  return new Command("inspect")
    .description("operators, parameters, cost and memory of a model; what has no gradient")
    .argument("<model>", "ONNX file")
    .addHelpText("after", HELP)
    .action(run(inspect));
}

async function inspect(context: Context, command: Command): Promise<void> {
  const { screen } = context;
  const { inspectModel } = await import("@pingo/autograd");
  const found = inspectModel(await loadModel(context, command.args[0] ?? ""));
  const { parameters, flopsPerRow, memory, withoutGradient } = found;
  const columns = [{ title: "operator" }, { title: "nodes", align: "right" }] as const;
  screen.line(
    table(
      columns,
      Object.entries(found.ops).map(([op, nodes]) => [op, String(nodes)]),
    ),
  );
  screen.line("");
  screen.line(`parameters   ${count(parameters.elements)} in ${parameters.tensors} tensors`);
  screen.line(`forward      ${count(Math.round(flopsPerRow))} FLOPs per row`);
  screen.line(`state        ${formatBytes(memory.stateBytes)}`);
  screen.line(`activations  ${formatBytes(Math.round(memory.activationBytesPerRow))} per row`);
  for (const { op, node } of withoutGradient) screen.line(`no gradient  ${op}, node "${node}": replace it`);
  screen.json(found);
}
