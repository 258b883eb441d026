/**
 * Brings a program to this machine: to the number of threads, and to convolutions by kernels that ONNX Runtime's
 * native build has for its processor. A tuned program is for machines like this one, and for no other backend.
 */
import { assert } from "@pingo/core";
import type { Graph } from "../graph/graph.ts";
import type { TensorType } from "../graph/tensor.ts";
import { tuneGraph } from "../lower/tune-graph.ts";
import { writeModel } from "../onnx/writer.ts";
import { loadNativeOrt } from "./native-ort.ts";
import { float32, type Ort, openSession, runSession } from "./ort.ts";
import type { RuntimeProgram } from "./trainer.ts";

export interface TuneOptions {
  /** That a session is to use; 1 where nothing is said. Other counts may round otherwise. */
  readonly threads?: number;
}

/** @throws {RuntimeError} ENGINE_MISSING; {LoweringError} SCATTER_RACES */
export async function tuneProgram<P extends RuntimeProgram>(
  program: P,
  { threads = 1 }: TuneOptions = {},
): Promise<P> {
  assert(Number.isInteger(threads) && threads >= 1, `${threads} threads`);
  const channelBlock = await channelBlockOf(await loadNativeOrt());
  return { ...program, graph: tuneGraph(program.graph, { channelBlock, threads }), threads };
}

/** Few enough to be padded to a block by every processor. */
const CHANNELS = 4;

/** The operator that makes blocks pads channels to whole ones: what comes out tells the block. */
export async function channelBlockOf(ort: Ort): Promise<number> {
  const probe = writeModel(probeGraph(), [
    () => ({
      nodes: [
        {
          foreign: "ReorderInput",
          domain: "com.microsoft.nchwc",
          name: "probe",
          inputs: ["x"],
          outputs: ["y"],
          attributes: { channels_last: 0 },
        },
      ],
      constants: new Map(),
    }),
  ]);
  let session: Awaited<ReturnType<typeof openSession>>;
  try {
    session = await openSession(ort, probe);
  } catch {
    return 1; // this build has no such kernels for this processor, and programs do without
  }
  try {
    const x = float32(ort, new Float32Array(CHANNELS), [1, CHANNELS, 1, 1]);
    const { y } = await runSession(session, { x });
    return y?.dims[1] ?? 1;
  } finally {
    await session.release();
  }
}

function probeGraph(): Graph {
  const picture: TensorType = { dtype: "float32", shape: [1, CHANNELS, 1, 1] };
  const blocks: TensorType = { dtype: "float32", shape: [1, "channels", 1, 1] };
  return {
    name: "probe",
    inputs: [{ name: "x", type: picture }],
    outputs: [{ name: "y", type: blocks }],
    initializers: new Map(),
    nodes: [{ op: "Identity", name: "probe", inputs: ["x"], outputs: ["y"], attributes: {} }],
  };
}
