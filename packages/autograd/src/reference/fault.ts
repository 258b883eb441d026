/** What the reference evaluator cannot answer. */
import { FaultError, type Sentences } from "@pingo/core";
import { OUT_OF_BOUNDS_HINT } from "../graph/out-of-bounds.ts";

export type EvaluationFault =
  | { readonly code: "INPUT_MISSING"; readonly input: string }
  | { readonly code: "INPUT_MISMATCH"; readonly input: string; readonly has: string; readonly wants: string }
  | { readonly code: "NOT_DETERMINED"; readonly op: string; readonly node: string; readonly why: string }
  /** As a runtime has it, which ends there too. */
  | { readonly code: "GRAPH_FAILED"; readonly op: string; readonly node: string; readonly why: string }
  | { readonly code: "NOT_EVALUATED"; readonly op: string; readonly node: string; readonly why: string };

const SENTENCES: Sentences<EvaluationFault> = {
  INPUT_MISSING: (f) => `the graph reads its input "${f.input}", and no value was given for it`,
  INPUT_MISMATCH: (f) => `the value given for "${f.input}" is ${f.has}; the graph wants ${f.wants}`,
  NOT_DETERMINED: (f) => `the result of node "${f.node}" (${f.op}) is not determined by its inputs: ${f.why}`,
  GRAPH_FAILED: (f) =>
    `the evaluation stopped at node "${f.node}" (${f.op}): ${f.why}; ${OUT_OF_BOUNDS_HINT}`,
  NOT_EVALUATED: (f) => `node "${f.node}" (${f.op}) cannot be evaluated: ${f.why}`,
};

export class EvaluationError extends FaultError<EvaluationFault> {
  override readonly name = "EvaluationError";
  constructor(fault: EvaluationFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}
