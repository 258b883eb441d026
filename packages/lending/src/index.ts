/** What every provider does, whatever it runs on: the conversation with a fog node, leases, units, results on their way. */
export { BACKOFF_MS_MAX, backoffMs, pause } from "./backoff.ts";
export { Delivery, type DeliveryOptions } from "./delivery.ts";
export { type FileOutbox, type FileOutboxOptions, openFileOutbox } from "./file-outbox.ts";
export {
  LeaseRunner,
  type LeaseRunnerOptions,
  type Slot,
  type SlotRunOptions,
  type UnitCache,
} from "./lease-runner.ts";
export { LendingError, type LendingFault } from "./lending-error.ts";
export { createMemoryCache, type MemoryCache } from "./memory-cache.ts";
export { type Outbox, SLOTS_KEPT } from "./outbox.ts";
export { Session, type SessionOptions } from "./session.ts";
export type { UnitOutcome } from "./unit-outcome.ts";
export type { OwnWorker, Workforce } from "./workforce.ts";
