/** What is wrong with a layer as it was asked for; what does not fit between layers is a GraphError. */
import { FaultError, type Sentences } from "@pingo/core";

export type BuilderFault = { readonly code: "LAYER_INVALID"; readonly layer: string; readonly why: string };

const SENTENCES: Sentences<BuilderFault> = {
  LAYER_INVALID: (f) => `the layer "${f.layer}" cannot be made: ${f.why}`,
};

export class BuilderError extends FaultError<BuilderFault> {
  override readonly name = "BuilderError";
  constructor(fault: BuilderFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}
