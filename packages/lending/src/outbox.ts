/**
 * Results on their way: kept from the moment the work is done until the fog node's signature says that it holds them.
 * Sending one twice is harmless, losing one is not.
 */
import type { LeaseId, Receipt, Signed } from "@pingo/core";
import type { BlockReader } from "@pingo/storage";

export interface Outbox {
  /** Durable once it returns, or resolves. A receipt for the same lease takes the earlier one's place. */
  put(receipt: Signed<Receipt>): void | Promise<void>;
  /** Oldest first. */
  waiting(limit: number): readonly Signed<Receipt>[];
  leases(): readonly LeaseId[];
  /** The blocks of the lease's update. */
  updateOf(lease: LeaseId): BlockReader;
  /** Of the receipt and the update: acknowledged, or refused for good. */
  remove(lease: LeaseId): Promise<void>;
}
