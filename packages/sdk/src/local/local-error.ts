/** What can go wrong with training on this machine that is not the job's fault. */
import { FaultError, type Sentences } from "@pingo/core";

export type LocalFault = { readonly code: "LOCAL_PROCESS_ENDED"; readonly how: string };

const SENTENCES: Sentences<LocalFault> = {
  LOCAL_PROCESS_ENDED: (f) =>
    `a worker process ended before its work was done (${f.how}); memory may be short: take fewer --processes`,
};

export class LocalError extends FaultError<LocalFault> {
  override readonly name = "LocalError";
  constructor(fault: LocalFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}
