/**
 * A trainer in this thread. Each call blocks the thread while ONNX Runtime works: use startTrainer
 * where something else must stay responsive.
 */
import { loadOrt } from "./load-ort.ts";
import { prepareProgram } from "./prepare-program.ts";
import { createSessionTrainer } from "./session-trainer.ts";
import type { BackendOptions, RuntimeProgram, Trainer } from "./trainer.ts";

/** @throws {RuntimeError} ENGINE_MISSING, WASM_MISSING, WASM_UNKNOWN, GRAPH_REJECTED */
export async function openTrainer(program: RuntimeProgram, options: BackendOptions = {}): Promise<Trainer> {
  options.signal?.throwIfAborted();
  const prepared = await prepareProgram(program, options);
  return createSessionTrainer(await loadOrt(options.backend), prepared, options);
}
