/**
 * Lion: the sign of a momentum. SOURCE: Chen et al., 2023, https://arxiv.org/abs/2302.06675
 *
 *   w ← (1 − ηλ)w − η·sign(β₁m + (1 − β₁)g),  m ← β₂m + (1 − β₂)g
 */
import type { Lion } from "@pingo/core";
import { at } from "../rules/emitter.ts";
import { decays, keptShare, type OptimizerRule } from "./rule.ts";

export function lion({ weightDecay, beta1, beta2 }: Lion): OptimizerRule {
  return {
    slots: () => ["m"],
    begin(emit, learningRate) {
      const keep = keptShare(emit, learningRate, weightDecay);
      return (update) => {
        const { weight, gradient } = update;
        const moment = at(update.slots, 0);
        const mixed = (beta: number) => emit.add2(emit.scale(moment, beta), emit.scale(gradient, 1 - beta));
        const kept = decays(weightDecay, update) ? emit.mul(weight, keep) : weight;
        const step = emit.mul(emit.unary("Sign", mixed(beta1)), learningRate);
        return { weight: emit.sub(kept, step), slots: [mixed(beta2)] };
      };
    },
  };
}
