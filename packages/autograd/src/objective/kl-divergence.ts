/**
 * Kullback–Leibler divergence of softmax(output) from target distributions over the last axis.
 *
 * ℓ = Σ q·(ln q − ln softmax(z)), where 0·ln 0 = 0; ∂ℓ/∂z = (Σq)·softmax(z) − q. The mean is over positions.
 */
import { at, equalShapes } from "../rules/emitter.ts";
import { type ObjectiveRule, rowsOfClasses } from "./objective.ts";

/** ln q of a q below it is that of this: q·ln q is 0 there either way. */
const SHARE_MIN = 1e-37;

export const klDivergence: ObjectiveRule = {
  target: "numbers",
  applies: "Softmax",
  bind({ output: shape, target }) {
    if (shape.length < 2 || !equalShapes(shape, target)) {
      return {
        why: `it is [${shape}] for targets of [${target}]; wanted is the same shape, the classes last`,
      };
    }
    return {
      targetShape: shape,
      emit(emit, output, wanted) {
        const axis = shape.length - 1;
        const { rows: z, back } = rowsOfClasses(emit, output, axis);
        const { rows: q } = rowsOfClasses(emit, wanted, axis);
        const logs = emit.node("LogSoftmax", [z], { axis: 1 }, "float32", z.shape);
        const lnQ = emit.unary("Log", emit.binary("Max", q, emit.scalar(SHARE_MIN)));
        const losses = emit.sum(emit.mul(q, emit.sub(lnQ, logs)), [1]);
        return {
          losses,
          loss: () => emit.mean(losses, [0]),
          gradient: () => {
            const pulled = emit.mul(emit.unary("Exp", logs), emit.sum(q, [1], 1));
            return back(emit.scale(emit.sub(pulled, q), 1 / at(z.shape, 0)));
          },
        };
      },
    };
  },
};
