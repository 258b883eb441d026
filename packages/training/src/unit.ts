/** The door for a process that only runs work units: admission, and the engine behind it, stay outside. */
export { type StoredProgram, weightsLength, zStoredProgram } from "./program.ts";
export { runUnit, type UnitTrainer } from "./run-unit.ts";
export { decodeVector, encodeVector } from "./vector.ts";
