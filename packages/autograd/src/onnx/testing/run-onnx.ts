/** Runs ONNX bytes in stock ONNX Runtime, one thread; for tests. */
import * as ort from "onnxruntime-node";
import type { DType, Tensor, TensorData } from "../../graph/tensor.ts";

export async function runOnnx(
  bytes: Uint8Array,
  feeds: ReadonlyMap<string, Tensor>,
): Promise<Map<string, Tensor>> {
  const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 4 });
  try {
    const given = [...feeds].map(
      ([name, { dtype, data, shape }]) => [name, new ort.Tensor(dtype, data, shape)] as const,
    );
    const results = await session.run(Object.fromEntries(given));
    return new Map(Object.entries(results).map(([name, tensor]) => [name, fromOrt(tensor)]));
  } finally {
    await session.release();
  }
}

function fromOrt(tensor: ort.Tensor): Tensor {
  // SAFETY: the models of these tests only return element types that the engine knows.
  return { dtype: tensor.type as DType, shape: tensor.dims, data: tensor.data as TensorData };
}
