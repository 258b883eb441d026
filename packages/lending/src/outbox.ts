/**
 * Results on their way: kept from the moment the work is done until the fog node's signature says that it holds them.
 * Sending one twice is harmless, losing one is not.
 *
 * It also remembers what was signed in which slot: a second commitment in one slot would cost the stake behind the key, whether it was meant or came
 * of a process that was killed and did its work again.
 */
import type { FinishedResult, Lease, LeaseId } from "@pingo/core";
import type { BlockReader } from "@pingo/storage";

/**
 * The newest by when their leases were issued; a lease from before the newest that was forgotten is signed for no more. Counted, not timed, so that a
 * clock that jumps forgets nothing. A provider of 64 cores gets through as many units of ten seconds in ten minutes; a lease is delivered or lost
 * by then. 100 bytes each.
 */
export const SLOTS_KEPT = 4_096;

export interface Outbox {
  /**
   * Durable once it returns, or resolves, and with it what was signed in the statement's slot: only then does a signature leave. A result for the same
   * lease takes the earlier one's place.
   *
   * @throws {LendingError} SLOT_SIGNED where another commitment was signed in that slot, LEASE_OLD where it may have been
   */
  put(result: FinishedResult): void | Promise<void>;
  /** @throws {LendingError} SLOT_SIGNED, LEASE_OLD: nothing may be signed for this lease any more, so it is not worth working on */
  assertUnsigned(lease: Lease): void;
  /** Oldest first. */
  waiting(limit: number): readonly FinishedResult[];
  leases(): readonly LeaseId[];
  /** The blocks of the lease's update. */
  updateOf(lease: LeaseId): BlockReader;
  /** Of the result and the update: acknowledged, or refused for good. What was signed is remembered. */
  remove(lease: LeaseId): Promise<void>;
}
