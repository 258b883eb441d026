/**
 * The door to ONNX Runtime. It is loaded on first use, so that a program which only builds graphs
 * neither waits for its 45 MB library nor needs a platform that has one.
 */
import type { InferenceSession, Tensor as OrtTensor, TensorConstructor } from "onnxruntime-node";
import type { Tensor } from "../graph/tensor.ts";
import { RuntimeError } from "./runtime-error.ts";

export interface Ort {
  readonly InferenceSession: typeof InferenceSession;
  readonly Tensor: TensorConstructor;
}

export type OrtFeeds = Record<string, OrtTensor>;

/**
 * One thread each: results are the same on every run, and a provider is one process per core.
 * The arena nearly halves the step time of a network with attention. Memory patterns reserve a second copy of what
 * it holds (20 of 230 MB resident for a small CNN, 2026-11) and make no step faster.
 */
const SESSION_OPTIONS: InferenceSession.SessionOptions = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: "sequential",
  graphOptimizationLevel: "all",
  enableCpuMemArena: true,
  enableMemPattern: false,
  logSeverityLevel: 3,
};

let loading: Promise<Ort> | undefined;

/** @throws {RuntimeError} ENGINE_MISSING */
export function loadOrt(): Promise<Ort> {
  loading ??= import("onnxruntime-node").catch((cause: unknown) => {
    loading = undefined;
    const platform = `${process.platform}-${process.arch}`;
    throw new RuntimeError({ code: "ENGINE_MISSING", platform, why: firstLine(cause) }, { cause });
  });
  return loading;
}

/** @throws {RuntimeError} ENGINE_MISSING, GRAPH_REJECTED */
export async function openSession(graph: Uint8Array): Promise<InferenceSession> {
  const { InferenceSession } = await loadOrt();
  try {
    return await InferenceSession.create(graph, SESSION_OPTIONS);
  } catch (cause) {
    throw new RuntimeError({ code: "GRAPH_REJECTED", why: firstLine(cause) }, { cause });
  }
}

/** @throws {RuntimeError} GRAPH_FAILED */
export async function runSession(
  session: InferenceSession,
  feeds: OrtFeeds,
): Promise<InferenceSession.OnnxValueMapType> {
  try {
    return await session.run(feeds);
  } catch (cause) {
    throw new RuntimeError({ code: "GRAPH_FAILED", why: firstLine(cause) }, { cause });
  }
}

/** The tensor as ONNX Runtime takes it; the numbers are shared, not copied. */
export function toOrt(ort: Ort, tensor: Tensor): OrtTensor {
  return new ort.Tensor(tensor.dtype, tensor.data, tensor.shape);
}

export function float32(ort: Ort, data: Float32Array, shape: readonly number[]): OrtTensor {
  return new ort.Tensor("float32", data, shape);
}

/** ONNX Runtime's messages have a stack of their own behind the first line. */
function firstLine(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  return (text.split("\n")[0] ?? text).slice(0, 500);
}
