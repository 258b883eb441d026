/** Between the flat weights vector and one tensor per parameter. */
import type { ParameterSpec } from "../program/signature.ts";
import { RuntimeError } from "./runtime-error.ts";

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((size, dim) => size * dim, 1);
}

/** Of a flat vector with a tensor for each parameter. */
export function flatLength(parameters: readonly Pick<ParameterSpec, "shape">[]): number {
  return parameters.reduce((length, { shape }) => length + sizeOf(shape), 0);
}

/**
 * Views of the flat vector, one per parameter; nothing is copied.
 *
 * @throws {RuntimeError} WEIGHTS_LENGTH
 */
export function splitWeights(
  parameters: readonly Pick<ParameterSpec, "shape">[],
  weights: Float32Array,
): readonly Float32Array[] {
  const expected = flatLength(parameters);
  if (weights.length !== expected) {
    throw new RuntimeError({ code: "WEIGHTS_LENGTH", length: weights.length, expected });
  }
  let at = 0;
  return parameters.map(({ shape }) => {
    const from = at;
    at += sizeOf(shape);
    return weights.subarray(from, at);
  });
}

/** Names of a parameter's tensors at the program's border; the index counts all parameters. */
export function stateNames({ kind, slots = [] }: ParameterSpec, index: number): readonly string[] {
  return [weightName(kind, index), ...slots.map((slot) => slotName(slot, index))];
}

/** The tensor that holds the parameter itself. */
export function weightName(kind: ParameterSpec["kind"], index: number): string {
  return kind === "trained" ? `w/${index}` : `s/${index}`;
}

/** One that is kept beside it. */
export function slotName(slot: string, index: number): string {
  return `${slot}/${index}`;
}
