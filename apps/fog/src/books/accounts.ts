/** Whose money it is: the names of accounts. */
import type { JobId, NodeId, Pool } from "@pingo/core";

/** Ends with the id of whom it belongs to. */
export type AccountId =
  | `${"owner" | "provider" | "owes" | "fog"}/${string}`
  | `escrow/${string}`
  | `reward/${Pool}/${string}`
  | `world/${string}`;

/** Pays for jobs. */
export function ownerAccount(id: NodeId): AccountId {
  return `owner/${id}`;
}

/** Holds what a job may still cost. */
export function escrowAccount(job: JobId): AccountId {
  return `escrow/${job}`;
}

export function providerAccount(id: NodeId): AccountId {
  return `provider/${id}`;
}

/** Below zero by what a provider was paid for work that was refuted, and had no more when it was taken back. */
export function owesAccount(id: NodeId): AccountId {
  return `owes/${id}`;
}

/** A job's escrow on chain; below zero by what is in it. */
export function outerEscrow(job: JobId): AccountId {
  return `world/escrow/${job}`;
}

/** The station's PINGO wallet on chain; below zero by what is in it. */
export const fogPurse: AccountId = "world/wallet";

/** Fees of the station. */
export function fogAccount(id: NodeId): AccountId {
  return `fog/${id}`;
}

/** What a wallet was given by the emission and did not claim yet. @param owner workchain:hex */
export function rewardAccount(pool: Pool, owner: string): AccountId {
  return `reward/${pool}/${owner}`;
}

/** A pool's vault on chain; below zero by what it owes. */
export function outerPool(pool: Pool): AccountId {
  return `world/emission/${pool}`;
}
