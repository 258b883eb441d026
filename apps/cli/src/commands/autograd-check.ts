import { join, resolve } from "node:path";
import { Command } from "commander";
import type { Run } from "../cli.ts";
import type { Context } from "../context.ts";
import { loadModel, readWhole } from "../load-model.ts";
import { optionsOf } from "../options.ts";

const EXIT_FAILED = 1;

const HELP = `
Without a case, each parameter is moved along a random direction of ±1 and the central difference of the loss, a
random sum of the first output, is taken in float64; it passes within 1e-3. With a case, every gradient is compared
with PyTorch's; it passes within 1e-4. A folder holds case.json {loss, tensors: [{role, name, dtype, shape, offset}]}
and case.bin.

The error of a tensor is relative: its largest error over its largest gradient (their lengths, for differences). A
tensor whose gradients are smaller than a hundredth of the model's largest is measured against that hundredth: a
bias before batch norm has a true gradient of zero.

Examples:
  pingo autograd check model.onnx
  pingo autograd check model.onnx --also-train logit_scale "*.temperature"
  pingo autograd check model.onnx --case folder --json   {"worst", "tensor", "checked", "passed"}; exit 1 if it fails`;

export function autogradCheckCommand(run: Run): Command {
  return new Command("check")
    .description("compare the gradients of a model with float64 differences, or with PyTorch's")
    .argument("<model>", "ONNX file")
    .option("--case <dir>", "folder with the gradients that PyTorch found")
    .option(
      "--also-train <patterns...>",
      "parameters that look like constants, as alsoTrain of a job names them",
    )
    .addHelpText("after", HELP)
    .action(run(check));
}

async function check(context: Context, command: Command): Promise<number> {
  const { screen } = context;
  const model = await loadModel(context, command.args[0] ?? "");
  const { checkGradients, parseGradientCase } = await import("@pingo/autograd");
  const given = optionsOf(command);
  const folder = given.text("case");
  const alsoTrain = given.texts("alsoTrain");
  const read = (name: string) => readWhole(context, join(resolve(folder ?? ""), name));
  const options = {
    ...(alsoTrain.length > 0 && { alsoTrain }),
    ...(folder !== undefined && {
      case: parseGradientCase(new TextDecoder().decode(await read("case.json")), await read("case.bin")),
    }),
  };
  const result = await checkGradients(model, options);
  const verdict = result.passed ? "passed" : "FAILED";
  screen.line(
    `${verdict}: ${result.checked} tensors, worst ${result.worst.toExponential(1)} at ${result.tensor}`,
  );
  screen.json(result);
  return result.passed ? 0 : EXIT_FAILED;
}
