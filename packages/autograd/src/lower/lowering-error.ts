/** Why a program cannot be brought to a machine. */
import { FaultError, type Sentences } from "@pingo/core";

export type LoweringFault = { readonly code: "SCATTER_RACES"; readonly node: string };

const SENTENCES: Sentences<LoweringFault> = {
  SCATTER_RACES: (f) =>
    `node "${f.node}" adds to places that several threads may write at once, so the program runs on one thread only`,
};

export class LoweringError extends FaultError<LoweringFault> {
  override readonly name = "LoweringError";
  constructor(fault: LoweringFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}
