/** What only an agent of this system can get wrong, and one sentence for each; the rest is every provider's (LendingError). */
import { type Cid, FaultError, formatBytes, formatDuration, type Sentences } from "@pingo/core";

export type ProviderFault =
  | { readonly code: "KEY_MALFORMED"; readonly path: string }
  | {
      readonly code: "WORKER_FLOODS";
      readonly entries: number;
      readonly bytes: number;
      readonly isClosed: boolean;
    }
  | { readonly code: "WORKER_WRITES"; readonly bytes: number; readonly bytesMax: number }
  | { readonly code: "WORKER_SWELLS"; readonly bytes: number; readonly bytesMax: number }
  | { readonly code: "WORKER_GARBLES"; readonly why: string }
  | {
      readonly code: "WORKER_GIVEN_UP";
      readonly deaths: number;
      readonly how: string;
      readonly restMs: number;
    }
  | { readonly code: "PIECE_DIED"; readonly how: string }
  | { readonly code: "PIECE_TOO_SLOW"; readonly deadlineMs: number }
  | { readonly code: "BLOCK_UNUSABLE"; readonly cid: Cid; readonly why: string };

const SENTENCES: Sentences<ProviderFault> = {
  KEY_MALFORMED: (f) =>
    `${f.path} does not hold a 32-byte key; restore it, or remove it to get a new identity`,
  WORKER_FLOODS: (f) =>
    f.isClosed
      ? "the worker closed a folder of its update to the agent, which no update does, and was ended"
      : `the worker filled its folder with ${f.entries} files and ${formatBytes(f.bytes)}, more than any update, and was ended`,
  WORKER_WRITES: (f) =>
    `the worker wrote ${formatBytes(f.bytes)} for one unit, where ${formatBytes(f.bytesMax)} are enough for any, and was ended; give the lease to another`,
  WORKER_SWELLS: (f) =>
    `the worker took ${formatBytes(f.bytes)} of memory, more than the ${formatBytes(f.bytesMax)} that are lent, and was ended; give the lease to another`,
  WORKER_GARBLES: (f) =>
    `the worker said what no worker says (${f.why}) and was ended; give the lease to another`,
  WORKER_GIVEN_UP: (f) =>
    `a worker died ${f.deaths} times in a row (${f.how}) and takes no work for ${formatDuration(f.restMs)}; read what the provider's log says of worker_died, and what pingo doctor finds`,
  PIECE_DIED: (f) =>
    `the process that ran the module ended (${f.how}), most likely since the engine had no memory left for it; build a smaller module, or lower workers.resources.memory`,
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
