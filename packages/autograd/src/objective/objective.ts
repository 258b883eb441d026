/** The contract of an objective: what it wants of the model's output and the targets, and the nodes of its loss. */
import type { LossSettings } from "@pingo/core";
import { at, type Emitter, equalShapes, sizeOf, type Value } from "../rules/emitter.ts";

/** What an objective is for, sizes of one batch. */
export interface ObjectiveSite {
  /** Of the model. */
  readonly output: readonly number[];
  /** Of the target field, the batch included. */
  readonly target: readonly number[];
  readonly settings: LossSettings;
}

/** A loss that fits its site; or why it does not, as the end of a sentence. */
export type Binding = BoundObjective | { readonly why: string };

export interface BoundObjective {
  /** What the target is brought to before `emit`. */
  readonly targetShape: readonly number[];
  /** @param output  f32, the model's */
  emit(emit: Emitter, output: Value, target: Value): EmittedObjective;
}

/** Positions are what is counted: rows, or rows × places of a row, the rows first. */
export interface EmittedObjective {
  /** f32[positions], weights of positions multiplied in. */
  readonly losses: Value;
  /** f32[positions] that the losses' sum is divided by the sum of; absent: 1 each. */
  readonly weights?: Value;
  /** bool[positions]: those that count at all; absent: all. */
  readonly counted?: Value;
  /** bool[positions], where an answer can be right. */
  readonly correct?: Value;
  /** f32[], the mean over the batch. */
  readonly loss: () => Value;
  /** f32, of the output's shape: the gradient of the mean. */
  readonly gradient: () => Value;
}

export interface ObjectiveRule {
  /** Whether targets are class numbers, int64 in the step; else they are f32. */
  readonly target: "classes" | "numbers";
  /** What the loss applies itself: of a model that ends in it, the loss is taken of what goes into it. */
  readonly applies?: "Softmax" | "Sigmoid";
  bind(site: ObjectiveSite): Binding;
}

/** Below this a batch has nothing that counts, and its loss is 0. */
export const WEIGHT_MIN = 1e-12;

/** Σ losses / Σ weights; where nothing counts, 0. */
export function weightedMean(emit: Emitter, losses: Value, weights: Value): Value {
  return emit.div(emit.sum(losses, [0]), weightSum(emit, weights));
}

export function weightSum(emit: Emitter, weights: Value): Value {
  return emit.binary("Max", emit.sum(weights, [0]), emit.scalar(WEIGHT_MIN));
}

/** Whether two shapes differ at most by axes of length 1 at their ends: [rows, 1] stands for [rows]. */
export function fitsButForOnes(a: readonly number[], b: readonly number[]): boolean {
  return equalShapes(withoutOnes(a), withoutOnes(b));
}

function withoutOnes(shape: readonly number[]): readonly number[] {
  const last = shape.findLastIndex((dim, i) => dim !== 1 || i === 0);
  return shape.slice(0, last + 1);
}

/** The flat form of a value: f32[elements]. */
export function flat(emit: Emitter, value: Value): Value {
  return emit.reshape(value, [sizeOf(value.shape)]);
}

/**
 * The class axis for a target's shape: the last if the rest fits, else axis 1 (images as [N, C, …]); undefined if
 * neither fits.
 */
export function classAxis(logits: readonly number[], target: readonly number[]): number | undefined {
  return [logits.length - 1, 1].find(
    (axis) => axis >= 1 && axis < logits.length && equalShapes(logits.toSpliced(axis, 1), target),
  );
}

/** How a value is laid out as f32[positions, classes], and back. */
export function rowsOfClasses(emit: Emitter, value: Value, axis: number) {
  const axes = value.shape.map((_, i) => i);
  const toLast = [...axes.filter((i) => i !== axis), axis];
  const last = emit.transpose(value, toLast);
  const classes = at(value.shape, axis);
  return {
    rows: emit.reshape(last, [sizeOf(last.shape) / classes, classes]),
    back: (rows: Value) =>
      emit.transpose(
        emit.reshape(rows, last.shape),
        axes.map((i) => toLast.indexOf(i)),
      ),
  };
}
