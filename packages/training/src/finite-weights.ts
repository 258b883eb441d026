/** The weights of a trainer, or that the run diverged: the last step's loss is from before it, so only they show it. */
import type { Trainer } from "@pingo/autograd";
import { isFault } from "@pingo/core";
import { TrainingError, type TrainingFault } from "./training-error.ts";

/** @throws {TrainingError} as given, where the trainer finds weights that are not finite; {RuntimeError} all else */
export async function finiteWeights(
  trainer: Pick<Trainer, "weights">,
  faultOf: (parameter: string) => TrainingFault,
): Promise<Float32Array> {
  try {
    return await trainer.weights();
  } catch (cause) {
    if (!isFault(cause) || cause.fault.code !== "WEIGHTS_NOT_FINITE") throw cause;
    throw new TrainingError(faultOf(parameterOf(cause.fault)), { cause });
  }
}

function parameterOf(fault: object): string {
  return "parameter" in fault && typeof fault.parameter === "string" ? fault.parameter : "";
}
