/** What Resize makes of sizes that must keep the ratio of the axes. SOURCE: ONNX Resize-18 */
import type { MaybeDim } from "./dim.ts";

export type AspectPolicy = "stretch" | "not_larger" | "not_smaller";

/** The one scale of all axes; undefined where a size is not known. */
export function commonScale(
  policy: Exclude<AspectPolicy, "stretch">,
  from: readonly MaybeDim[],
  sizes: readonly MaybeDim[],
): number | undefined {
  const scales = sizes.map((size, i) => {
    const dim = from[i];
    return typeof size === "number" && typeof dim === "number" ? Math.fround(size / dim) : undefined;
  });
  const known = scales.filter((scale) => scale !== undefined);
  if (known.length < scales.length || known.length === 0) return undefined;
  return policy === "not_larger" ? Math.min(...known) : Math.max(...known);
}

/** A size under that scale: halves go up. */
export function scaledSize(from: number, scale: number): number {
  return Math.floor(Math.fround(from * scale) + 0.5);
}
