/** Offers and demands in, a plan out, with a reason for everyone who is not in it. */
export type { Demand } from "./demand.ts";
export { OFFER_STALE_MS, type OfferState } from "./offer.ts";
export { type Assignment, type NotChosen, type Plan, plan, type Snapshot, type Unplaced } from "./plan.ts";
export { REASON_CODES, type Reason, type ReasonCode } from "./reasons.ts";
