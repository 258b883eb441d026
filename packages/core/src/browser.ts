/**
 * The door that a page's bundler takes (condition "browser"): index.ts but for what needs node:crypto, which is ids,
 * keys and the shapes made of them. A name that a page needs and that is missing here fails the bundle of examples/page.
 */
export { zLora } from "./adaptation.ts";
export { AssertionError, assert, assertDefined, assertNever } from "./assert.ts";
export { CodecError, DECODE_LIMITS, decodeCanonical, encodeCanonical, equalBytes } from "./codec.ts";
export { FaultError, isFault, RemoteError, reportOf } from "./fault.ts";
export { LIMITS } from "./limits.ts";
export { checkObjective, LOSSES, zLoss, zLossSettings, zOutputName } from "./objective.ts";
export {
  EXPECTED_OPTIMIZERS,
  learningRateFactor,
  learningRateOf,
  namesOneOptimizer,
  OPTIMIZER_KINDS,
  RATES_MAX,
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
export { createPrng, mixSeed, permutation } from "./prng.ts";
export {
  formatBytes,
  formatDuration,
  formatPingo,
  NANO_PER_PINGO,
  parseBytes,
  parseMillicores,
  parsePingo,
  UnitError,
} from "./units.ts";
