/**
 * AdamW as nodes of the train step. SOURCE: Loshchilov & Hutter, 2019, https://arxiv.org/abs/1711.05101
 *
 * The moments are kept divided by 1 − β, which saves two of thirteen passes over every parameter:
 *   M ← β₁M + g, V ← β₂V + g², with m = (1 − β₁)M and v = (1 − β₂)V the moments of the paper.
 *   m̂/(√v̂ + ε) = a·M/(√V + e), where s = √((1 − β₂)/(1 − β₂ᵗ)), a = (1 − β₁)/((1 − β₁ᵗ)·s), e = ε/s.
 * One group of nodes for each parameter: 11 elementwise nodes, about 3 ns for each element.
 */
import type { AdamW } from "@pingo/core";
import type { Emitter, Value } from "../rules/emitter.ts";

/** What is the same for all parameters in one step; f32[]. */
export interface StepScalars {
  /** learningRate · a */
  readonly rate: Value;
  /** e */
  readonly epsilon: Value;
  /** 1 − learningRate · weightDecay */
  readonly keep: Value;
}

export interface Moments {
  readonly first: Value;
  readonly second: Value;
}

/**
 * @param learningRate  f32[]
 * @param step          f32[], 1 for the first
 */
export function adamWScalars(emit: Emitter, adamw: AdamW, learningRate: Value, step: Value): StepScalars {
  // In float64: 1 − 0.999ᵗ loses four digits of a float32 in the first step.
  const [rate, t] = [emit.cast(learningRate, "float64"), emit.cast(step, "float64")];
  const rest = (beta: number) => {
    const power = emit.binary("Pow", emit.scalar(beta, "float64"), t);
    return emit.div(emit.scalar(1 - beta, "float64"), emit.minusFrom(1, power)); // (1 − β)/(1 − βᵗ)
  };
  const s = emit.unary("Sqrt", rest(adamw.beta2));
  return {
    rate: emit.cast(emit.div(emit.mul(rate, rest(adamw.beta1)), s), "float32"),
    epsilon: emit.cast(emit.div(emit.scalar(adamw.epsilon, "float64"), s), "float32"),
    keep: emit.cast(emit.minusFrom(1, emit.scale(rate, adamw.weightDecay)), "float32"),
  };
}

/** The parameter and its moments after one step. Weight decay acts on matrices and more, not on biases and scales. */
export function adamWUpdate(
  emit: Emitter,
  adamw: AdamW,
  scalars: StepScalars,
  {
    weight,
    moments,
    gradient,
  }: { readonly weight: Value; readonly moments: Moments; readonly gradient: Value },
): { readonly weight: Value; readonly moments: Moments } {
  const first = emit.add2(emit.scale(moments.first, adamw.beta1), gradient);
  const second = emit.add2(emit.scale(moments.second, adamw.beta2), emit.square(gradient));
  const direction = emit.div(first, emit.add2(emit.unary("Sqrt", second), scalars.epsilon));
  const decays = adamw.weightDecay > 0 && weight.shape.length >= 2;
  const kept = decays ? emit.mul(weight, scalars.keep) : weight;
  return { weight: emit.sub(kept, emit.mul(direction, scalars.rate)), moments: { first, second } };
}
