/** What can keep a model from being differentiated; every sentence names the op and the node. */
import { FaultError, type Sentences } from "@pingo/core";

export type GradientFault = {
  readonly code: "OP_WITHOUT_GRADIENT";
  readonly op: string;
  readonly node: string;
  readonly why: string;
};

const SENTENCES: Sentences<GradientFault> = {
  OP_WITHOUT_GRADIENT: (f) =>
    `the loss reaches its parameters through node "${f.node}" (${f.op}), which has no gradient here: ${f.why}; ` +
    "replace it in the model, or freeze the parameters before it",
};

export class GradientError extends FaultError<GradientFault> {
  override readonly name = "GradientError";
  constructor(fault: GradientFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}
