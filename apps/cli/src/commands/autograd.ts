/** `pingo autograd …`: the engine by itself. */
import { Command } from "commander";
import type { Run } from "../cli.ts";
import { autogradCheckCommand } from "./autograd-check.ts";
import { autogradInspectCommand } from "./autograd-inspect.ts";

export function autogradCommand(run: Run): Command {
  return new Command("autograd")
    .description("inspect an ONNX model and check its gradients")
    .addCommand(autogradInspectCommand(run))
    .addCommand(autogradCheckCommand(run));
}
