/** What a built program takes of memory when it is run in a given way on this machine. */
import { loweringsFor } from "../lower/tune-graph.ts";
import { readModel } from "../onnx/reader.ts";
import { type MemoryPlan, planMemory } from "../program/plan-memory.ts";
import { loadNativeOrt } from "./native-ort.ts";
import type { RuntimeProgram } from "./trainer.ts";
import { channelBlockOf } from "./tune-program.ts";

export interface PlanOptions {
  /** As a trainer is told; see BackendOptions. */
  readonly isTuned?: boolean;
  /** That a session is to use; 1 where nothing is said. */
  readonly threads?: number;
  /** The most that a call of it has; many where nothing is said, which takes most. */
  readonly stepsPerCall?: number;
}

/**
 * Of the native backend. The program's own plan is that of the graph as it is, in calls of many steps.
 *
 * @param program  a train program that was not tuned
 * @throws {RuntimeError} ENGINE_MISSING
 */
export async function planRun(
  { graph }: Pick<RuntimeProgram, "graph">,
  { isTuned = false, threads = 1, stepsPerCall }: PlanOptions = {},
): Promise<MemoryPlan> {
  const lowerings = isTuned
    ? loweringsFor({ channelBlock: await channelBlockOf(await loadNativeOrt()), threads })
    : [];
  return planMemory(readModel(graph), { lowerings, ...(stepsPerCall !== undefined && { stepsPerCall }) });
}
