/**
 * The outer step: the round's mean update moves the weights with Nesterov momentum; statistics become their mean.
 *
 * SOURCE: Douillard et al., "DiLoCo", 2023, §2 (outer SGD, learning rate 0.7, Nesterov momentum 0.9).
 */
import type { ProgramSignature } from "@pingo/autograd";
import { assert } from "@pingo/core";
import { spansOf, weightsLength } from "./program.ts";

export interface OuterSettings {
  readonly learningRate: number;
  readonly momentum: number;
}

/**
 * For one worker as for many. Rounds that move the weights little gain much from the momentum (convergence.test.ts);
 * rounds of many steps at a high rate overshoot at first and end a little less sure of themselves: a digit classifier
 * after 8 rounds of 3 × 60 steps has 97.9 % and a loss of 0.117, with plain averaging 97.7 % and 0.065 (2026-11, one
 * seed each).
 */
export const OUTER_SETTINGS: OuterSettings = { learningRate: 0.7, momentum: 0.9 };

export interface OuterState {
  /** Flat f32. */
  readonly weights: Float32Array;
  /** Flat f32; zeros before the first round, and always for statistics. */
  readonly momentum: Float32Array;
}

export interface OuterStep extends OuterState {
  /** Flat f32: what aggregate returned. */
  readonly mean: Float32Array;
  readonly signature: ProgramSignature;
  readonly settings?: OuterSettings;
}

/** New vectors; the old ones stay as they are, so that a round which is not committed leaves no trace. */
export function outerStep(step: OuterStep): {
  readonly weights: Float32Array<ArrayBuffer>;
  readonly momentum: Float32Array<ArrayBuffer>;
} {
  const { learningRate, momentum: decay } = step.settings ?? OUTER_SETTINGS;
  const length = weightsLength(step.signature);
  for (const vector of [step.weights, step.momentum, step.mean]) {
    assert(vector.length === length, `a vector of ${vector.length} where the program has ${length}`);
  }
  const weights = new Float32Array(length);
  const momentum = new Float32Array(length);
  for (const { kind, from, to } of spansOf(step.signature)) {
    if (kind === "statistic") {
      weights.set(step.mean.subarray(from, to), from);
      continue;
    }
    for (let i = from; i < to; i++) {
      const gradient = step.mean[i] ?? 0;
      const velocity = decay * (step.momentum[i] ?? 0) + gradient;
      momentum[i] = velocity;
      // Nesterov: look ahead along the new velocity.
      weights[i] = (step.weights[i] ?? 0) - learningRate * (gradient + decay * velocity);
    }
  }
  return { weights, momentum };
}
