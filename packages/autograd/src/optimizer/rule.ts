/** The contract of an optimizer: what it keeps for each parameter, and the nodes of its step. */
import type { Emitter, Value } from "../rules/emitter.ts";

/** A trained parameter, as far as an optimizer cares. */
export interface Trained {
  readonly shape: readonly number[];
  /** Rows are looked up in it, as in an embedding: a step moves a few of them only. */
  readonly isTable: boolean;
}

export interface Update extends Trained {
  /** Weight decay acts on it. */
  readonly isDecayed: boolean;
  readonly weight: Value;
  readonly gradient: Value;
  /** As the rule's `slots` names them. */
  readonly slots: readonly Value[];
}

export interface Updated {
  readonly weight: Value;
  readonly slots: readonly Value[];
}

export interface OptimizerRule {
  /** What is kept beside the parameter: f32 of its shape, zeros before the first step. */
  slots(parameter: Trained): readonly string[];
  /**
   * Emits what is the same for all parameters of a step.
   *
   * @param learningRate  f32[]
   * @param step          f32[], 1 for the first
   */
  begin(emit: Emitter, learningRate: Value, step: Value): (update: Update) => Updated;
}

export function decays(weightDecay: number, { isDecayed }: Update): boolean {
  return weightDecay > 0 && isDecayed;
}

/** 1 − learningRate · weightDecay, f32[]: what decay that is no part of the gradient leaves of a weight. */
export function keptShare(emit: Emitter, learningRate: Value, weightDecay: number): Value {
  const rate = emit.cast(learningRate, "float64");
  return emit.cast(emit.minusFrom(1, emit.scale(rate, weightDecay)), "float32");
}

/**
 * (1 − β)/(1 − βᵗ): what the newest has in a mean of t that each leave β of those before, corrected for its beginning.
 *
 * @param step  f64[], t; in float32 1 − 0.999ᵗ would lose four digits in the first step
 * @returns f64[]
 */
export function newShare(emit: Emitter, beta: number, step: Value): Value {
  const power = emit.binary("Pow", emit.scalar(beta, "float64"), step);
  return emit.div(emit.scalar(1 - beta, "float64"), emit.minusFrom(1, power));
}
