/** What the reference evaluator cannot answer. */
import { FaultError, type Sentences } from "@pingo/core";

export type EvaluationFault =
  | { readonly code: "INPUT_MISSING"; readonly input: string }
  | { readonly code: "INPUT_MISMATCH"; readonly input: string; readonly has: string; readonly wants: string }
  | { readonly code: "NOT_DETERMINED"; readonly op: string; readonly node: string; readonly why: string }
  | { readonly code: "NOT_EVALUATED"; readonly op: string; readonly node: string; readonly why: string };

const SENTENCES: Sentences<EvaluationFault> = {
  INPUT_MISSING: (f) => `the graph reads its input "${f.input}", and no value was given for it`,
  INPUT_MISMATCH: (f) => `the value given for "${f.input}" is ${f.has}; the graph wants ${f.wants}`,
  NOT_DETERMINED: (f) => `the result of node "${f.node}" (${f.op}) is not determined by its inputs: ${f.why}`,
  NOT_EVALUATED: (f) => `node "${f.node}" (${f.op}) cannot be evaluated: ${f.why}`,
};

export class EvaluationError extends FaultError<EvaluationFault> {
  override readonly name = "EvaluationError";
  constructor(fault: EvaluationFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}
