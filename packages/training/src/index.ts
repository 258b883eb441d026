/** The training of a model by many: units of work, rounds, the outer step, admission, provenance. */
export { type Admission, checkTrainJob, type DatasetToCheck, type JobToCheck } from "./admission.ts";
export {
  type Aggregator,
  aggregate,
  checkUpdate,
  createAggregator,
  type WeightedUpdate,
} from "./aggregate.ts";
export { type AverageStep, nextAverage } from "./average.ts";
export type { LocalProgress, LocalTraining } from "./local-training.ts";
export { type OuterSettings, type OuterState, type OuterStep, outerSettingsOf, outerStep } from "./outer.ts";
export { planUnits, type UnitsPlan } from "./plan-units.ts";
export { type StoredProgram, weightsLength, zProgramSignature, zStoredProgram } from "./program.ts";
export {
  type LocalProvenance,
  type MetricRecord,
  type Provenance,
  type ProviderTotals,
  type RoundRecord,
  totalsByProvider,
  type UnitRecord,
  zMetricRecord,
  zProvenance,
} from "./provenance.ts";
export { type Reduced, reduceRound } from "./round.ts";
export {
  type CountedDelivery,
  type Delivery,
  isLeaseHeld,
  type LeaseState,
  type LossCause,
  nextTickMs,
  openRound,
  type RoundAction,
  type RoundEvent,
  type RoundRules,
  type RoundState,
  roundRules,
  summaryOf,
  type UnitState,
  waitingUnits,
} from "./round-state.ts";
export {
  runUnit,
  type UnitInputs,
  type UnitOptions,
  type UnitProgress,
  type UnitResult,
  type UnitTrainer,
} from "./run-unit.ts";
export { createSampler, type Sampler } from "./sample.ts";
export { stepsOfCall } from "./steps-of-call.ts";
export { trainInRounds } from "./train-in-rounds.ts";
export { trainSequentially } from "./train-sequentially.ts";
export { TrainingError, type TrainingFault } from "./training-error.ts";
export { decodeVector, encodeVector, indexOfNotFinite } from "./vector.ts";
