/** `pingo autograd …`: the engine by itself. */
import { Command } from "commander";
import type { Run } from "../cli.ts";
import { autogradCheckCommand } from "./autograd-check.ts";
import { autogradInspectCommand } from "./autograd-inspect.ts";
import { autogradTrainCommand } from "./autograd-train.ts";

const HELP = `
Examples:
  pingo autograd inspect model.onnx    operators, parameters, cost and memory of a train step
  pingo autograd check model.onnx      are its gradients right?
  pingo autograd train job.yaml        train on this machine alone`;

export function autogradCommand(run: Run): Command {
  return new Command("autograd")
    .description("the engine alone: inspect a model, check its gradients, train it here")
    .addHelpText("after", HELP)
    .addCommand(autogradInspectCommand(run))
    .addCommand(autogradCheckCommand(run))
    .addCommand(autogradTrainCommand(run));
}
