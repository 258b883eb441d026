/**
 * Gradient descent with momentum, as PyTorch's SGD: weight decay is a part of the gradient.
 *
 *   d = g + λw,  M ← μM + d,  w ← w − η·(Nesterov ? d + μM : M)
 */
import type { Sgd } from "@pingo/core";
import { at } from "../rules/emitter.ts";
import { decays, type OptimizerRule } from "./rule.ts";

export function sgd({ weightDecay, momentum, nesterov }: Sgd): OptimizerRule {
  const hasMomentum = momentum > 0;
  return {
    slots: () => (hasMomentum ? ["m"] : []),
    begin: (emit, learningRate) => (update) => {
      const { weight, gradient, slots } = update;
      const slope = decays(weightDecay, update)
        ? emit.add2(gradient, emit.scale(weight, weightDecay))
        : gradient;
      if (!hasMomentum) return { weight: emit.sub(weight, emit.mul(slope, learningRate)), slots: [] };
      const velocity = emit.add2(emit.scale(at(slots, 0), momentum), slope);
      const direction = nesterov ? emit.add2(slope, emit.scale(velocity, momentum)) : velocity;
      return { weight: emit.sub(weight, emit.mul(direction, learningRate)), slots: [velocity] };
    },
  };
}
