/**
 * An exponential moving average of the weights, kept beside any optimizer: what is used after training where steps are noisy.
 *
 *   E ← E + (1 − d)/(1 − dᵗ)·(w − E),  which is Σ dᵗ⁻ⁱ·wᵢ / Σ dᵗ⁻ⁱ over the steps 1 … t
 *
 * It is corrected as Adam's moments are (kept as zeros before the first step, and the weights after it): what training began
 * with is no part of it, and no decay of its own is needed to warm up.
 */
import { at, type Emitter, type Value } from "../rules/emitter.ts";
import { newShare, type OptimizerRule } from "./rule.ts";

/** Of each step, the share that the next leaves of it. */
export interface Ema {
  readonly decay: number;
}

/** Among what a program keeps of a parameter. */
export const EMA_SLOT = "ema";

/** The rule, with one more tensor kept of each parameter. */
export function withEma(rule: OptimizerRule, ema: Ema): OptimizerRule {
  return {
    slots: (parameter) => [...rule.slots(parameter), EMA_SLOT],
    begin(emit, learningRate, step) {
      const update = rule.begin(emit, learningRate, step);
      const average = beginEma(emit, ema, step);
      return (parameter) => {
        const before = at(parameter.slots, parameter.slots.length - 1);
        const { weight, slots } = update({ ...parameter, slots: parameter.slots.slice(0, -1) });
        return { weight, slots: [...slots, average(before, weight)] };
      };
    },
  };
}

/**
 * Emits what is the same for all tensors of a step.
 *
 * @param step  f32[], 1 for the first
 * @returns of E and w, f32 of one shape, the next E
 */
export function beginEma(emit: Emitter, { decay }: Ema, step: Value): (before: Value, now: Value) => Value {
  const share = emit.cast(newShare(emit, decay, emit.cast(step, "float64")), "float32");
  return (before, now) => emit.add2(before, emit.mul(emit.sub(now, before), share));
}
