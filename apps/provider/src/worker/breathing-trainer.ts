/** A trainer in the worker's own thread, tuned for this machine. */
import type { RuntimeProgram } from "@pingo/autograd";
import { openTrainer } from "@pingo/autograd/runtime";
import type { UnitTrainer } from "@pingo/training/unit";

/**
 * ONNX Runtime holds the thread for a whole call; between calls the agent's messages come in.
 *
 * @param breathe  lets them in
 */
export async function openBreathingTrainer(
  program: RuntimeProgram,
  breathe: () => Promise<void>,
): Promise<UnitTrainer> {
  const trainer = await openTrainer(program, { isTuned: true });
  return {
    signature: trainer.signature,
    setFields: (fields) => trainer.setFields(fields),
    reset: (weights) => trainer.reset(weights),
    weights: () => trainer.weights(),
    async run(indices, learningRates) {
      const losses = await trainer.run(indices, learningRates);
      await breathe();
      return losses;
    },
    [Symbol.asyncDispose]: () => trainer[Symbol.asyncDispose](),
  };
}
