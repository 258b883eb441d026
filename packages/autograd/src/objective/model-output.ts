/** A model that computes its loss itself: one number for the batch, or one for each row, whose mean is taken. */
import { at, sizeOf } from "../rules/emitter.ts";
import { flat, type ObjectiveRule } from "./objective.ts";

export const modelOutput: ObjectiveRule = {
  target: "numbers",
  bind({ output: shape, target }) {
    const [rows, size] = [at(target, 0), sizeOf(shape)];
    if (size !== 1 && size !== rows) {
      return { why: `it is [${shape}]; wanted is one number, or one for each of the ${rows} rows` };
    }
    return {
      targetShape: target,
      emit(emit, output) {
        const losses = flat(emit, output);
        return {
          // One number stands for every row of its batch.
          losses: emit.expand(losses, [rows]),
          loss: () => emit.mean(losses, [0]),
          gradient: () => emit.expand(emit.scalar(1 / size), shape),
        };
      },
    };
  },
};
