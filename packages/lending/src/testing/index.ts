/** Parts for tests of what is built on this package. */
export { codeOf, leaseOf, type OutboxPlace, outboxCompliance, resultOf } from "./outbox-compliance.ts";
