/** What can keep a model from being differentiated; every sentence names the op and the node. */
import { FaultError, type Sentences } from "@pingo/core";

export type GradientFault =
  | {
      readonly code: "OP_WITHOUT_GRADIENT";
      readonly op: string;
      readonly node: string;
      readonly why: string;
    }
  | { readonly code: "CONSTANT_TOO_LARGE"; readonly elements: number; readonly max: number };

const SENTENCES: Sentences<GradientFault> = {
  OP_WITHOUT_GRADIENT: (f) =>
    `the loss reaches its parameters through node "${f.node}" (${f.op}), which has no gradient here: ${f.why}; ` +
    "replace it in the model, or freeze the parameters before it",
  CONSTANT_TOO_LARGE: (f) =>
    `the gradient needs a constant of ${f.elements} elements, and at most ${f.max} are made: make the model's sizes smaller`,
};

export class GradientError extends FaultError<GradientFault> {
  override readonly name = "GradientError";
  constructor(fault: GradientFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}
