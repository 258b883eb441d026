/** Between the flat weights vector and one tensor per parameter. */
import type { ParameterSpec, ProgramSignature } from "../program/signature.ts";
import { RuntimeError } from "./runtime-error.ts";

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((size, dim) => size * dim, 1);
}

export function weightsLength(signature: ProgramSignature): number {
  return signature.parameters.reduce((length, { shape }) => length + sizeOf(shape), 0);
}

/**
 * Views of the flat vector, one per parameter; nothing is copied.
 *
 * @throws {RuntimeError} WEIGHTS_LENGTH
 */
export function splitWeights(signature: ProgramSignature, weights: Float32Array): readonly Float32Array[] {
  const expected = weightsLength(signature);
  if (weights.length !== expected) {
    throw new RuntimeError({ code: "WEIGHTS_LENGTH", length: weights.length, expected });
  }
  let at = 0;
  return signature.parameters.map(({ shape }) => {
    const from = at;
    at += sizeOf(shape);
    return weights.subarray(from, at);
  });
}

/** Names of a parameter's tensors at the program's border; the index counts all parameters. */
export function stateNames({ kind, slots = [] }: ParameterSpec, index: number): readonly string[] {
  return [weightName(kind, index), ...slots.map((slot) => `${slot}/${index}`)];
}

/** The tensor that holds the parameter itself. */
export function weightName(kind: ParameterSpec["kind"], index: number): string {
  return kind === "trained" ? `w/${index}` : `s/${index}`;
}
