/** A program as a session of this machine opens it. */
import type { BackendOptions, RuntimeProgram } from "./trainer.ts";

/** Reader, writer and inference come with it: only who tunes pays for them. */
export const loadTuner = () => import("./tune-program.ts");

/** @throws {RuntimeError} ENGINE_MISSING */
export async function prepareProgram(
  program: RuntimeProgram,
  { backend = "native", isTuned = false }: BackendOptions,
): Promise<RuntimeProgram> {
  if (!isTuned || backend !== "native") return program;
  const { tuneProgram } = await loadTuner();
  return tuneProgram(program);
}
