/** Trains a step, in a thread or in this one, and ends: for tests that look at the process from outside. */
import { openTrainer } from "../open-trainer.ts";
import { startTrainer } from "../start.ts";
import { linearTrainProgram } from "./linear-program.ts";

const program = linearTrainProgram({ features: 3, classes: 4, batchSize: 1 });
const open = process.argv[2] === "thread" ? startTrainer : openTrainer;
await using trainer = await open(program);
await trainer.reset(new Float32Array(3 * 4 + 4 + 1));
