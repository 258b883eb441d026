/** The native build of ONNX Runtime: a 45 MB library per platform, loaded on first use. */
import { firstLine, type Ort } from "./ort.ts";
import { RuntimeError } from "./runtime-error.ts";
import { declineTelemetry } from "./telemetry.ts";

let loading: Promise<Ort> | undefined;

/** @throws {RuntimeError} ENGINE_MISSING */
export function loadNativeOrt(): Promise<Ort> {
  declineTelemetry();
  loading ??= import("onnxruntime-node").then(
    ({ InferenceSession, Tensor }): Ort => ({ backend: "native", InferenceSession, Tensor }),
    (cause: unknown) => {
      loading = undefined;
      const platform = `${process.platform}-${process.arch}`;
      throw new RuntimeError({ code: "ENGINE_MISSING", platform, why: firstLine(cause) }, { cause });
    },
  );
  return loading;
}
