/** What a provider of any kind refuses or cannot do, and one sentence for each. */
import { type Cid, FaultError, formatBytes, type LeaseId, type NodeId, type Sentences } from "@pingo/core";

export type LendingFault =
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
  | { readonly code: "KIND_NOT_TAKEN"; readonly kind: string }
  | { readonly code: "SLOT_SIGNED"; readonly lease: LeaseId }
  | { readonly code: "LEASE_OLD"; readonly lease: LeaseId }
  | { readonly code: "NO_FREE_SLOT"; readonly slots: number }
  | { readonly code: "STOPPING" }
  | { readonly code: "LEASE_REVOKED"; readonly reason: string }
  | { readonly code: "OWNER_RETURNED" }
  | { readonly code: "WORKER_DIED"; readonly how: string }
  | { readonly code: "WORKER_STUCK"; readonly afterMs: number }
  | { readonly code: "PROGRAM_MALFORMED"; readonly cid: Cid; readonly why: string };

const SENTENCES: Sentences<LendingFault> = {
  FOG_UNREACHABLE: (f) =>
    `no fog node answers at ${f.url} (${f.why}); start one, or give the address of another (PINGO_FOG)`,
  FOG_ANSWER_MALFORMED: (f) =>
    `what answers at ${f.url} is no fog node of this version: ${f.why}; check PINGO_FOG`,
  FOG_SIGNATURE_STRANGE: (f) =>
    `the acknowledgement is signed by ${f.signer} where fog node ${f.expected} was asked; it is not believed`,
  LEASE_NOT_MINE: (f) => `lease ${f.lease} is for ${f.provider}; this is another provider`,
  LEASE_TOO_LARGE: (f) =>
    `${f.what} of the lease take ${formatBytes(f.bytes)} and this provider offers ${formatBytes(f.bytesMax)}`,
  KIND_NOT_TAKEN: (f) =>
    `this provider takes no work of kind ${f.kind}; offer it to one whose offer says that it does`,
  SLOT_SIGNED: (f) =>
    `a result of lease ${f.lease} was signed before, and another one never is; grant a new lease of its unit`,
  LEASE_OLD: (f) =>
    `lease ${f.lease} was issued before what this provider still remembers of its signatures; grant a new lease of its unit`,
  NO_FREE_SLOT: (f) => `all ${f.slots} slots of this provider are busy; offer the lease again later`,
  STOPPING: () => "this provider is stopping; give the lease to another",
  LEASE_REVOKED: (f) => `the lease was taken back: ${f.reason}`,
  OWNER_RETURNED: () => "the owner needs the computer; give the lease to another",
  WORKER_DIED: (f) => `the worker process ended in mid-unit (${f.how})`,
  WORKER_STUCK: (f) => `the worker did nothing more for ${f.afterMs} ms and was ended`,
  PROGRAM_MALFORMED: (f) => `block ${f.cid} is no train program: ${f.why}`,
};

export class LendingError extends FaultError<LendingFault> {
  override readonly name = "LendingError";
  constructor(fault: LendingFault, options?: ErrorOptions) {
    super(fault, SENTENCES, options);
  }
}
