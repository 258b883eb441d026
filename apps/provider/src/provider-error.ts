/** What only an agent of this system can get wrong, and one sentence for each; the rest is every provider's (LendingError). */
import { type Cid, FaultError, formatBytes, formatDuration, type Sentences } from "@pingo/core";

export type ProviderFault =
  | { readonly code: "KEY_MALFORMED"; readonly path: string }
  | { readonly code: "WORKER_FLOODS"; readonly entries: number; readonly bytes: number }
  | { readonly code: "PIECE_TOO_SLOW"; readonly deadlineMs: number }
  | { readonly code: "BLOCK_UNUSABLE"; readonly cid: Cid; readonly why: string };

const SENTENCES: Sentences<ProviderFault> = {
  KEY_MALFORMED: (f) =>
    `${f.path} does not hold a 32-byte key; restore it, or remove it to get a new identity`,
  WORKER_FLOODS: (f) =>
    `the worker filled its folder with ${f.entries} files and ${formatBytes(f.bytes)}, more than any update, and was ended`,
  PIECE_TOO_SLOW: (f) =>
    `the module did not end within ${formatDuration(f.deadlineMs)} and was ended; raise limits.secondsPerPiece, or give each piece less to do`,
  BLOCK_UNUSABLE: (f) => `block ${f.cid} cannot be read from the cache: ${f.why}; give the lease again`,
};

export class ProviderError extends FaultError<ProviderFault> {
  override readonly name = "ProviderError";
  constructor(fault: ProviderFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}
