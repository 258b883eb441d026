import { FaultError } from "@pingo/core";

export type EmissionFault = { readonly code: "EVIDENCE_WRONG"; readonly where: string; readonly why: string };

export class EmissionError extends FaultError<EmissionFault> {
  override readonly name = "EmissionError";

  constructor(fault: EmissionFault, options?: ErrorOptions) {
    super(
      fault,
      {
        EVIDENCE_WRONG: ({ where, why }) =>
          `${where}: ${why}; the epoch's rewards do not follow from what was signed, so sign no such root, and challenge one that waits`,
      },
      options,
    );
  }
}
