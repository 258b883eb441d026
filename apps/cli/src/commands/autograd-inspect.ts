import type { Inspection, TrainStepCost } from "@pingo/autograd";
import { describeLeftOut, formatBytes, groupLeftOut } from "@pingo/core";
import { Command } from "commander";
import type { Run } from "../cli.ts";
import type { Context } from "../context.ts";
import { loadModel } from "../load-model.ts";
import { optionsOf } from "../options.ts";
import { count } from "../view/job-view.ts";
import { table } from "../view/table.ts";

const BATCH_MAX = 65_536;

const HELP = `
A multiplication and an addition are two FLOPs. A train step is forward, backward and AdamW over one batch: that which the
model was exported for, or 32, or --batch. Other sizes that the model leaves open count as 1. State is the weights, their
gradients and AdamW's two moments; activations are what the forward pass makes. Operators without a gradient are named with
their nodes; so is whatever else keeps the model from being trained. Left out are float32 tensors that look like constants,
with the reason: "alsoTrain" of a job names those that are parameters. Memory is worked out from the step's graph: all that a
run adds to its process, but the data.

Examples:
  pingo autograd inspect model.onnx
  pingo autograd inspect model.onnx --batch 128
  pingo autograd inspect model.onnx --json   ops, parameters, leftOut, halves, flopsPerRow, memory, withoutGradient, trainStep, obstacle`;

export function autogradInspectCommand(run: Run): Command {
  return new Command("inspect")
    .description("operators, parameters, cost and memory of a model; what has no gradient")
    .argument("<model>", "ONNX file")
    .option("--batch <rows>", "rows of the train step")
    .addHelpText("after", HELP)
    .action(run(inspect));
}

async function inspect(context: Context, command: Command): Promise<void> {
  const { screen } = context;
  const { inspectModel } = await import("@pingo/autograd");
  const batchSize = optionsOf(command).whole("batch", { min: 1, max: BATCH_MAX });
  const model = await loadModel(context, command.args[0] ?? "");
  const found = inspectModel(model, batchSize === undefined ? {} : { batchSize });
  const columns = [{ title: "operator" }, { title: "nodes", align: "right" }] as const;
  const nodesByOp = Object.entries(found.ops).map(([op, nodes]) => [op, String(nodes)]);
  screen.line(table(columns, nodesByOp));
  screen.line("");
  for (const [what, value] of costsOf(found)) screen.line(`${what.padEnd(NAME_COLUMNS)}${value}`);
  screen.json(found);
}

const NAME_COLUMNS = 13;
const LIFTED = "trained in float32, and written as they were";

function costsOf(found: Inspection): readonly (readonly [string, string])[] {
  const { parameters, leftOut, halves, flopsPerRow, memory, withoutGradient, trainStep, obstacle } = found;
  const step = trainStep === null ? [] : stepCosts(trainStep);
  // The nodes below say it with their names.
  const isNamed = obstacle === null || withoutGradient.length > 0;
  return [
    ["parameters", `${count(parameters.elements)} in ${parameters.tensors} tensors`],
    ...groupLeftOut(leftOut).map((group) => ["left out", describeLeftOut(group)] as const),
    ...Object.entries(halves).map(
      ([type, tensors]) => [type, `${tensors} tensors of the file: ${LIFTED}`] as const,
    ),
    ["forward", `${formatFlops(flopsPerRow)} per row`],
    ...step,
    ["state", formatBytes(memory.stateBytes)],
    ["activations", `${formatBytes(Math.round(memory.activationBytesPerRow))} per row`],
    ...withoutGradient.map(({ op, node }) => ["no gradient", `${op}, node "${node}": replace it`] as const),
    ...(isNamed ? [] : [["not trained", obstacle.message] as const]),
  ];
}

function stepCosts({ batchSize, flops, memory }: TrainStepCost): readonly (readonly [string, string])[] {
  const [total, values] = [memory.totalBytes, memory.stepBytes].map(formatBytes);
  return [
    ["train step", `${formatFlops(flops)} for a batch of ${batchSize}`],
    ["memory", `${total} for that step, ${values} of it activations and gradients; the data comes on top`],
  ];
}

const FLOP_UNITS = ["FLOPs", "kFLOPs", "MFLOPs", "GFLOPs", "TFLOPs", "PFLOPs"];

function formatFlops(flops: number): string {
  const power = Math.min(FLOP_UNITS.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, flops)) / 3)));
  return `${(flops / 1000 ** power).toPrecision(3)} ${FLOP_UNITS[power]}`;
}
