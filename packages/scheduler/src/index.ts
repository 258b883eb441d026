/** What an owner lends; offers and demands in, a plan out, with a reason for everyone who is not in it; what work is paid, and what the emission adds. */
export { type AuditHistory, auditRate } from "./audit-rate.ts";
export type { Demand } from "./demand.ts";
export { OFFER_STALE_MS, type OfferState } from "./offer.ts";
export {
  decide,
  OWNER_STATE_AT_START,
  type OwnerDecision,
  type OwnerState,
  type Verdict,
} from "./owner/decide.ts";
export { type OwnerReason, type OwnerReasonCode, sentenceOf } from "./owner/owner-reasons.ts";
export type { OwnerLimits, OwnerPolicy, ProfileName, Span, WeekWindow } from "./owner/policy.ts";
export { PolicyFileError, type PolicyFileFault, parsePolicyFile } from "./owner/policy-file.ts";
export { PROFILES } from "./owner/profiles.ts";
export type { Battery, LocalTime, OwnerSignals, OwnerWish } from "./owner/signals.ts";
export {
  ANY_SIZE,
  leastSize,
  type OwnerSize,
} from "./owner/size.ts";
export {
  type Bill,
  evidenceOfReceipts,
  type Objection,
  objectionTo,
  sentenceOfObjection,
} from "./pay/bill.ts";
export { openWorks, provesNothing, type ReadBlock, type Works } from "./pay/open-works.ts";
export { FEE_PERMILLE, type Pay, type PricedWork, payOf } from "./pay/price.ts";
export { type RewardedJob, type RewardedWork, rewardsOf } from "./pay/rewards.ts";
export { type Assignment, type NotChosen, type Plan, plan, type Snapshot, type Unplaced } from "./plan.ts";
export { REASON_CODES, type Reason, type ReasonCode } from "./reasons.ts";
