/** How fast one core multiplies here: what a provider writes into its offer. */
import type { Clock } from "@pingo/core";
import type { Graph } from "../graph/graph.ts";
import type { TensorType } from "../graph/tensor.ts";
import { loadOrt } from "./load-ort.ts";
import { float32, openSession, runSession } from "./ort.ts";

const SIDE = 384;
const FLOP_PER_RUN = 2 * SIDE ** 3;
const BUDGET_MS = 150;

/**
 * GFLOP/s of sgemm on one thread: the best of the runs that fit in 150 ms, since what disturbs a run
 * only ever slows it.
 *
 * @throws {RuntimeError} ENGINE_MISSING
 */
export async function measureGflops(ports: { readonly clock: Pick<Clock, "monotonicMs"> }): Promise<number> {
  const { clock } = ports;
  const ort = await loadOrt();
  const { writeModel } = await import("../onnx/writer.ts"); // protobuf: only who measures pays for it
  const session = await openSession(ort, writeModel(gemmGraph()));
  try {
    const matrix = Float32Array.from({ length: SIDE * SIDE }, (_, i) => (i % 7) - 3);
    const feeds = { a: float32(ort, matrix, [SIDE, SIDE]), b: float32(ort, matrix, [SIDE, SIDE]) };
    await runSession(session, feeds); // The first run fills the arena.
    const endMs = clock.monotonicMs() + BUDGET_MS;
    let bestMs = Number.POSITIVE_INFINITY;
    for (let beganMs = clock.monotonicMs(); beganMs < endMs; beganMs = clock.monotonicMs()) {
      await runSession(session, feeds);
      bestMs = Math.min(bestMs, clock.monotonicMs() - beganMs);
    }
    return FLOP_PER_RUN / bestMs / 1e6;
  } finally {
    await session.release();
  }
}

/** c = a · b */
function gemmGraph(): Graph {
  const type: TensorType = { dtype: "float32", shape: [SIDE, SIDE] };
  return {
    name: "gemm",
    inputs: [
      { name: "a", type },
      { name: "b", type },
    ],
    outputs: [{ name: "c", type }],
    initializers: new Map(),
    nodes: [{ op: "MatMul", name: "gemm", inputs: ["a", "b"], outputs: ["c"], attributes: {} }],
  };
}
