/** The door for who only runs units: the conversation about them stays outside. */
export { LendingError } from "./lending-error.ts";
export type { UnitOutcome } from "./unit-outcome.ts";
export {
  createUnitRunner,
  type RunOptions,
  type UnitRunner,
  type UnitRunnerPorts,
  type UnitTask,
} from "./unit-runner.ts";
