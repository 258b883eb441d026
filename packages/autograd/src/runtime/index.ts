/** The door for a process that only runs programs: without reader, rules and builder it stays small. */

export { loadEngine } from "./load-ort.ts";
export { measureGflops } from "./measure.ts";
export { openTrainer } from "./open-trainer.ts";
export { loadTuner } from "./prepare-program.ts";
export type { Trainer } from "./trainer.ts";
