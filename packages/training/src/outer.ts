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

const LEARNING_RATE = 0.7;
const MOMENTUM_MAX = 0.9;

/**
 * DiLoCo's, but the momentum reaches no further than the job: one of μ carries an update on for 1 / (1 - μ) rounds, and there
 * must be so many left. The last round has none, so training ends where workers have been, and not beyond; what
 * that is worth is in adr/0004.
 */
export function outerSettingsOf({
  round,
  rounds,
}: {
  readonly round: number;
  readonly rounds: number;
}): OuterSettings {
  assert(round >= 1 && round <= rounds, `round ${round} of ${rounds}`);
  // The only round has nothing before it that is worth keeping a part of.
  if (rounds === 1) return { learningRate: 1, momentum: 0 };
  const roundsLeft = rounds - round + 1;
  return { learningRate: LEARNING_RATE, momentum: Math.min(MOMENTUM_MAX, 1 - 1 / roundsLeft) };
}

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
  readonly settings: OuterSettings;
}

/** New vectors; the old ones stay as they are, so that a round which is not committed leaves no trace. */
export function outerStep(step: OuterStep): {
  readonly weights: Float32Array<ArrayBuffer>;
  readonly momentum: Float32Array<ArrayBuffer>;
} {
  const { learningRate, momentum: decay } = step.settings;
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
