/**
 * AdamW as nodes of the train step. SOURCE: Loshchilov & Hutter, 2019, https://arxiv.org/abs/1711.05101
 *
 * The moments are kept divided by 1 − β, which saves two of thirteen passes over every parameter:
 *   M ← β₁M + g, V ← β₂V + g², with m = (1 − β₁)M and v = (1 − β₂)V the moments of the paper.
 *   m̂/(√v̂ + ε) = a·M/(√V + e), where s = √((1 − β₂)/(1 − β₂ᵗ)), a = (1 − β₁)/((1 − β₁ᵗ)·s), e = ε/s.
 * One group of nodes for each parameter: 11 elementwise nodes, about 3 ns for each element.
 */
import type { AdamW } from "@pingo/core";
import { at, type Emitter, type Value } from "../rules/emitter.ts";
import { decays, keptShare, newShare, type OptimizerRule } from "./rule.ts";

export function adamW(settings: AdamW): OptimizerRule {
  return {
    slots: () => ["m", "v"],
    begin(emit, learningRate, step) {
      const { rate, epsilon } = scalars(emit, settings, learningRate, step);
      const keep = keptShare(emit, learningRate, settings.weightDecay);
      return (update) => {
        const { weight, gradient, slots } = update;
        const first = emit.add2(emit.scale(at(slots, 0), settings.beta1), gradient);
        const second = emit.add2(emit.scale(at(slots, 1), settings.beta2), emit.square(gradient));
        const direction = emit.div(first, emit.add2(emit.unary("Sqrt", second), epsilon));
        const kept = decays(settings.weightDecay, update) ? emit.mul(weight, keep) : weight;
        return { weight: emit.sub(kept, emit.mul(direction, rate)), slots: [first, second] };
      };
    },
  };
}

/** learningRate · a and e; f32[] */
function scalars(emit: Emitter, adamw: AdamW, learningRate: Value, step: Value) {
  const [rate, t] = [emit.cast(learningRate, "float64"), emit.cast(step, "float64")];
  const s = emit.unary("Sqrt", newShare(emit, adamw.beta2, t));
  return {
    rate: emit.cast(emit.div(emit.mul(rate, newShare(emit, adamw.beta1, t)), s), "float32"),
    epsilon: emit.cast(emit.div(emit.scalar(adamw.epsilon, "float64"), s), "float32"),
  };
}
