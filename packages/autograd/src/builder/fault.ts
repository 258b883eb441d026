/** What is wrong with a layer: as it was asked for, or with what it is given. */
import { FaultError, type Sentences } from "@pingo/core";

export type BuilderFault =
  | { readonly code: "LAYER_INVALID"; readonly layer: string; readonly why: string }
  | {
      readonly code: "LAYER_MISFIT";
      readonly layer: string;
      readonly op: string;
      /** As sentences show them: `image float32[batch, 3, 12, 12]`. */
      readonly given: readonly string[];
      readonly why: string;
      readonly instead: string;
    };

const SENTENCES: Sentences<BuilderFault> = {
  LAYER_INVALID: (f) => `the layer "${f.layer}" cannot be made: ${f.why}`,
  LAYER_MISFIT: (f) =>
    `the layer "${f.layer}" (${f.op}) does not fit what it is given, ${f.given.join(" and ")}: ${f.why}; ${f.instead}`,
};

export class BuilderError extends FaultError<BuilderFault> {
  override readonly name = "BuilderError";
  constructor(fault: BuilderFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}
