/** What a provider refuses or cannot do, and one sentence for each. */
import { type Cid, FaultError, formatBytes, type LeaseId, type NodeId, type Sentences } from "@pingo/core";

export type ProviderFault =
  | { readonly code: "SETTING_UNKNOWN"; readonly key: string; readonly known: string }
  | {
      readonly code: "SETTING_INVALID";
      readonly key: string;
      readonly value: string;
      readonly expected: string;
    }
  | { readonly code: "KEY_MALFORMED"; readonly path: string }
  | { readonly code: "FOG_UNREACHABLE"; readonly url: string; readonly why: string }
  | { readonly code: "FOG_ANSWER_MALFORMED"; readonly url: string; readonly why: string }
  | { readonly code: "FOG_SIGNATURE_STRANGE"; readonly signer: NodeId; readonly expected: NodeId }
  | { readonly code: "LEASE_NOT_MINE"; readonly lease: LeaseId; readonly provider: NodeId }
  | {
      readonly code: "LEASE_TOO_LARGE";
      readonly what: string;
      readonly bytes: number;
      readonly bytesMax: number;
    }
  | { readonly code: "NO_FREE_SLOT"; readonly slots: number }
  | { readonly code: "STOPPING" }
  | { readonly code: "LEASE_REVOKED"; readonly reason: string }
  | { readonly code: "WORKER_DIED"; readonly how: string }
  | { readonly code: "WORKER_STUCK"; readonly afterMs: number }
  | { readonly code: "PROGRAM_MALFORMED"; readonly cid: Cid; readonly why: string }
  | { readonly code: "BLOCK_UNUSABLE"; readonly cid: Cid; readonly why: string };

const SENTENCES: Sentences<ProviderFault> = {
  SETTING_UNKNOWN: (f) => `${f.key} is not a setting of the provider; it knows ${f.known}`,
  SETTING_INVALID: (f) => `${f.key} is "${f.value}"; expected ${f.expected}`,
  KEY_MALFORMED: (f) =>
    `${f.path} does not hold a 32-byte key; restore it, or remove it to get a new identity`,
  FOG_UNREACHABLE: (f) =>
    `no fog node answers at ${f.url} (${f.why}); start one, or set PINGO_FOG to the address of another`,
  FOG_ANSWER_MALFORMED: (f) =>
    `what answers at ${f.url} is no fog node of this version: ${f.why}; check PINGO_FOG`,
  FOG_SIGNATURE_STRANGE: (f) =>
    `the acknowledgement is signed by ${f.signer} where fog node ${f.expected} was asked; it is not believed`,
  LEASE_NOT_MINE: (f) => `lease ${f.lease} is for ${f.provider}; this is another provider`,
  LEASE_TOO_LARGE: (f) =>
    `${f.what} of the lease take ${formatBytes(f.bytes)} and this provider offers ${formatBytes(f.bytesMax)}`,
  NO_FREE_SLOT: (f) => `all ${f.slots} slots of this provider are busy; offer the lease again later`,
  STOPPING: () => "this provider is stopping; give the lease to another",
  LEASE_REVOKED: (f) => `the lease was taken back: ${f.reason}`,
  WORKER_DIED: (f) => `the worker process ended in mid-unit (${f.how})`,
  WORKER_STUCK: (f) => `the worker did nothing more for ${f.afterMs} ms and was ended`,
  PROGRAM_MALFORMED: (f) => `block ${f.cid} is no train program: ${f.why}`,
  BLOCK_UNUSABLE: (f) => `block ${f.cid} cannot be read from the cache: ${f.why}; give the lease again`,
};

export class ProviderError extends FaultError<ProviderFault> {
  override readonly name = "ProviderError";
  constructor(fault: ProviderFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}
