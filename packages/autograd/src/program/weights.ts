/** Between a model's initializers and the flat weights vector. */
import { assert, assertDefined } from "@pingo/core";
import type { Graph } from "../graph/graph.ts";
import type { Tensor } from "../graph/tensor.ts";
import { equalShapes, sizeOf } from "../rules/emitter.ts";
import { ProgramError } from "./fault.ts";
import { inferenceMode } from "./modes.ts";
import type { ParameterSpec, ProgramSignature } from "./signature.ts";

/** The initializers of the parameters, one after the other; freshly allocated. */
export function flattenWeights(
  parameters: readonly ParameterSpec[],
  initializers: ReadonlyMap<string, Tensor>,
): Float32Array {
  const flat = new Float32Array(lengthOf(parameters));
  let at = 0;
  for (const { name, shape } of parameters) {
    const tensor = assertDefined(initializers.get(name), `the initializer "${name}"`);
    assert(tensor.data instanceof Float32Array, `"${name}" is ${tensor.dtype}`);
    flat.set(tensor.data, at);
    at += sizeOf(shape);
  }
  return flat;
}

/**
 * The model with these weights, for use: batch norm and dropout in inference mode.
 *
 * @throws {ProgramError} WEIGHTS_MISMATCH, PARAMETER_MISMATCH
 */
export function withWeights(model: Graph, { parameters }: ProgramSignature, weights: Float32Array): Graph {
  const expected = lengthOf(parameters);
  if (weights.length !== expected) {
    throw new ProgramError({ code: "WEIGHTS_MISMATCH", length: weights.length, expected });
  }
  const initializers = new Map(model.initializers);
  let at = 0;
  for (const { name, shape } of parameters) {
    const size = sizeOf(shape);
    const own = model.initializers.get(name)?.shape;
    if (own === undefined || !equalShapes(own, shape)) {
      throw new ProgramError({
        code: "PARAMETER_MISMATCH",
        parameter: name,
        trained: shape,
        has: own ?? null,
      });
    }
    initializers.set(name, { dtype: "float32", shape, data: weights.slice(at, at + size) });
    at += size;
  }
  return { ...inferenceMode(model), initializers };
}

function lengthOf(parameters: readonly ParameterSpec[]): number {
  return parameters.reduce((length, { shape }) => length + sizeOf(shape), 0);
}
