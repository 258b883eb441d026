/** Ids, canonical codec, signatures, units, faults, limits, ports, and the shapes everyone shares. */

export { sha256 } from "#crypto";
export { type Adaptation, type Lora, zLora } from "./adaptation.ts";
export {
  ADDRESS_BOOK_BYTES_MAX,
  ADDRESS_BOOK_NAME,
  type AddressBookFile,
  zAddressBookFile,
} from "./address-book.ts";
export {
  type FogNodeView,
  type JobResult,
  type JobView,
  type ProviderView,
  zErrorBody,
  zFogNodeView,
  zJobView,
  zProviderView,
} from "./api.ts";
export { AssertionError, assert, assertDefined, assertNever } from "./assert.ts";
export {
  type BooksFinding,
  type BooksLine,
  type BooksReport,
  type BooksView,
  type ChainReport,
  type EscrowInfo,
  type JobEscrowView,
  type JobPayments,
  type MarketView,
  type OfferTotals,
  zBooksReport,
  zBooksView,
  zJobEscrowView,
  zJobPayments,
  zMarketView,
} from "./books-api.ts";
export {
  CodecError,
  type CodecFault,
  DECODE_LIMITS,
  type DecodeLimits,
  decodeCanonical,
  encodeCanonical,
  equalBytes,
} from "./codec.ts";
export { concatBytes } from "./concat-bytes.ts";
export {
  type DatasetDType,
  type DatasetField,
  type DatasetManifest,
  type Shard,
  zDatasetField,
  zDatasetManifest,
  zShard,
} from "./dataset.ts";
export { DiskError, type DiskFault } from "./disk-error.ts";
export { type JobEvent, type Measured, type NumberedEvent, zJobEvent, zNumberedEvent } from "./events.ts";
export {
  type Fault,
  FaultError,
  type FaultReport,
  isFault,
  RemoteError,
  reportOf,
  type Sentences,
} from "./fault.ts";
export {
  type BlockCodec,
  type Cid,
  CODEC,
  cidOfBytes,
  cidOfValue,
  codecOfCid,
  digestOfCid,
  IdError,
  type IdFault,
  isBlockOf,
  type JobId,
  type LeaseId,
  leaseIdOf,
  type NodeId,
  nodeIdOfPublicKey,
  parseCid,
  parseLeaseId,
  parseNodeId,
  publicKeyOfNodeId,
  shortId,
} from "./ids.ts";
export {
  type Averaging,
  FINAL_STATES,
  JOB_DOMAIN,
  type JobEnvelope,
  type JobState,
  type Schedule,
  type SignedJob,
  STOP_DOMAIN,
  type StopRequest,
  type TrainJob,
  zAccumulate,
  zAveraging,
  zName,
  zSchedule,
  zSignedJob,
  zSignedStop,
  zTrainJob,
} from "./job.ts";
export {
  isSignatureOf,
  isSmallOrderKey,
  type KeyPair,
  keyPairOfSeed,
  openSigned,
  SignatureError,
  type SignatureFault,
  type Signed,
  signBytes,
  signValue,
} from "./keys.ts";
export { LIMITS } from "./limits.ts";
export {
  type MembershipView,
  openWalletLink,
  WALLET_DOMAIN,
  type WalletLink,
  WalletLinkError,
  type WalletStatement,
  zMembershipView,
  zWalletLink,
} from "./membership.ts";
export {
  checkObjective,
  LOSSES,
  type Loss,
  type LossSettings,
  type Metric,
  type Objective,
  zLoss,
  zLossSettings,
  zOutputName,
} from "./objective.ts";
export { availabilityAt, HOURS_PER_WEEK, hourOfWeek, type Offer, type OfferTerms, zOffer } from "./offer.ts";
export {
  type AdamW,
  type DecayMask,
  EXPECTED_OPTIMIZERS,
  type LearningRateSchedule,
  type Lion,
  learningRateFactor,
  learningRateOf,
  type Muon,
  namesOneOptimizer,
  OPTIMIZER_KINDS,
  type Optimizer,
  type OptimizerKind,
  type OptimizerSettings,
  RATES_MAX,
  type RateFactor,
  type Sgd,
  zAdamW,
  zClipNorm,
  zDecayMask,
  zLearningRateSchedule,
  zLion,
  zMuon,
  zRateFactor,
  zSgd,
} from "./optimizer.ts";
export { matchesAny, matchesPattern, nearestToPattern, zPattern, zPatterns } from "./pattern.ts";
export type {
  Clock,
  Disk,
  Fetch,
  HttpAnswer,
  HttpRequest,
  Log,
  LogFields,
  Ports,
  Prng,
} from "./ports.ts";
export { createPrng, mixSeed, permutation } from "./prng.ts";
export {
  parseShape,
  ShapeError,
  type ShapeFault,
  zBytes,
  zCid,
  zCount,
  zLeaseId,
  zNodeId,
} from "./schema.ts";
export {
  formatBytes,
  formatDuration,
  formatPingo,
  NANO_PER_PINGO,
  parseBytes,
  parseDuration,
  parseMillicores,
  parsePingo,
  parseShare,
  UnitError,
  type UnitFault,
} from "./units.ts";
export {
  createTicketedFetch,
  encodeUploadTicket,
  openUploadTicket,
  TICKET_CHARS_MAX,
  TICKET_HEADER,
  type TicketedFetch,
  type UploadTicket,
} from "./upload-ticket.ts";
export {
  type AcknowledgedReceipt,
  type Answer,
  CONTROL_PROTOCOL,
  type FogAnswers,
  type FogRequest,
  type LeaseProgress,
  type ProviderAnswers,
  type ProviderRequest,
  WIRE_VERSION,
  zAnswer,
  zFogAnswers,
  zFogRequest,
  zProviderAnswers,
  zProviderRequest,
} from "./wire.ts";
export {
  type Lease,
  RECEIPT_ACK_DOMAIN,
  RECEIPT_DOMAIN,
  type Receipt,
  type TrainUnit,
  type UnitSchedule,
  zLease,
  zReceipt,
  zSignedReceipt,
  zTrainUnit,
} from "./work.ts";
