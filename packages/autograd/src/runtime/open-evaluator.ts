/** An evaluator in this thread. */
import { loadOrt } from "./load-ort.ts";
import { prepareProgram } from "./prepare-program.ts";
import { createSessionEvaluator } from "./session-evaluator.ts";
import type { BackendOptions, Evaluator, RuntimeProgram } from "./trainer.ts";

/** @throws {RuntimeError} ENGINE_MISSING, WASM_MISSING, WASM_UNKNOWN, GRAPH_REJECTED */
export async function openEvaluator(
  program: RuntimeProgram,
  options: BackendOptions = {},
): Promise<Evaluator> {
  options.signal?.throwIfAborted();
  const prepared = await prepareProgram(program, options);
  return createSessionEvaluator(await loadOrt(options.backend), prepared, options);
}
