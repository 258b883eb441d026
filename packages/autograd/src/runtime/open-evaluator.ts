/** An evaluator in this thread. */
import { loadOrt } from "./load-ort.ts";
import { createSessionEvaluator } from "./session-evaluator.ts";
import type { BackendOptions, Evaluator, RuntimeProgram } from "./trainer.ts";

/** @throws {RuntimeError} ENGINE_MISSING, WASM_MISSING, WASM_UNKNOWN, GRAPH_REJECTED */
export async function openEvaluator(
  program: RuntimeProgram,
  options: BackendOptions = {},
): Promise<Evaluator> {
  return createSessionEvaluator(await loadOrt(options.backend), program, options);
}
