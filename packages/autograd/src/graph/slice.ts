/** Which elements of an axis a Slice takes. */
import { addDims, type MaybeDim, subDims } from "./dim.ts";
import type { Dim } from "./tensor.ts";

export interface AxisSlice {
  /** Where it starts; known only where everything is. */
  readonly start: number | undefined;
  readonly length: MaybeDim;
}

/**
 * undefined where the bounds say too little. A named axis is taken to be long enough for its bounds.
 * SOURCE: ONNX Slice-13 (bounds are clamped; negative ones count from the end).
 */
export function sliceOf(dim: Dim, start: MaybeDim, end: MaybeDim, step: MaybeDim): AxisSlice | undefined {
  if (typeof step !== "number" || start === undefined || end === undefined) return undefined;
  if (typeof dim === "number" && typeof start === "number" && typeof end === "number") {
    return numericSlice(dim, start, end, step);
  }
  if (step !== 1 || (typeof start === "number" && start < 0)) return undefined;
  const isWhole = end === dim || (typeof end === "number" && end >= Number.MAX_SAFE_INTEGER);
  const stop = isWhole ? dim : stopOf(dim, end);
  if (stop === undefined || (typeof start === "string" && start !== dim && stop !== dim)) return undefined;
  return { start: typeof start === "number" ? start : undefined, length: subDims(stop, start) };
}

/** An end counted from the back, or a name of its own; a number past a named size would be clamped, who knows where. */
function stopOf(dim: Dim, end: Dim): MaybeDim {
  if (typeof end === "number") return end < 0 ? addDims(dim, end) : undefined;
  return typeof dim === "string" ? end : undefined;
}

function numericSlice(dim: number, start: number, end: number, step: number): AxisSlice {
  const clamp = (at: number, low: number, high: number) => Math.min(Math.max(at, low), high);
  const fromFront = (at: number) => (at < 0 ? at + dim : at);
  const first = step > 0 ? clamp(fromFront(start), 0, dim) : clamp(fromFront(start), 0, dim - 1);
  const stop = step > 0 ? clamp(fromFront(end), 0, dim) : clamp(fromFront(end), -1, dim - 1);
  return { start: first, length: Math.max(0, Math.ceil((stop - first) / step)) };
}
