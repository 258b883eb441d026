/** Why gradients cannot be checked. */
import { FaultError, type Sentences } from "@pingo/core";

export type CheckFault =
  | { readonly code: "CASE_INVALID"; readonly why: string }
  | { readonly code: "CHECK_INPUT_MISSING"; readonly input: string }
  | {
      readonly code: "CHECK_INPUT_MISFIT";
      readonly input: string;
      readonly found: string;
      readonly expected: string;
    };

const SENTENCES: Sentences<CheckFault> = {
  CASE_INVALID: (f) =>
    `the case cannot be used: ${f.why}; it must hold case.json and case.bin as they were written`,
  CHECK_INPUT_MISSING: (f) =>
    `the model reads its input "${f.input}", and the case has no tensor of that name: is it a case of this model?`,
  CHECK_INPUT_MISFIT: (f) =>
    `the case gives "${f.input}" as ${f.found} and the model takes ${f.expected}: is it a case of this model?`,
};

export class CheckError extends FaultError<CheckFault> {
  override readonly name = "CheckError";
  constructor(fault: CheckFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}
