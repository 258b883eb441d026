/** What comes out of a training: the model for use, and its adapters alone where it was they that were trained. */
import type { Adaptation } from "@pingo/core";
import type { Graph } from "../graph/graph.ts";
import type { Tensor } from "../graph/tensor.ts";
import { inferenceMode } from "../program/modes.ts";
import type { ProgramSignature } from "../program/signature.ts";
import { withWeights } from "../program/weights.ts";
import { adaptModel } from "./lora.ts";
import { adapterTensors, mergeAdapters } from "./merge.ts";

export interface TrainedModel {
  /** In inference mode; adapters are merged into its weights. */
  readonly model: Graph;
  readonly adapters?: ReadonlyMap<string, Tensor>;
}

export interface Training {
  readonly signature: ProgramSignature;
  readonly adapt?: Adaptation;
  readonly seed?: number;
}

/**
 * @param model    as it was before the training
 * @param weights  flat, in the order of the signature
 * @throws {ProgramError} WEIGHTS_MISMATCH, PARAMETER_MISMATCH
 */
export function trainedModel(
  model: Graph,
  { signature, adapt, seed = 0 }: Training,
  weights: Float32Array,
): TrainedModel {
  if (adapt === undefined) return { model: withWeights(model, signature, weights) };
  const adapted = adaptModel(model, adapt.lora, seed);
  const { initializers } = withWeights(adapted.graph, signature, weights);
  return {
    model: mergeAdapters(inferenceMode(model), adapted, initializers),
    adapters: adapterTensors(adapted, initializers),
  };
}
