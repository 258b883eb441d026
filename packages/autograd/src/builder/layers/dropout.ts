/** Chance while training. */
import type { GraphBuilder, Value } from "../graph-builder.ts";
import type { LayerOptions } from "./options.ts";

/** Zeroes each element with chance `ratio` while training. */
export function dropout(
  b: GraphBuilder,
  x: Value,
  options: LayerOptions & { readonly ratio: number },
): Value {
  const layer = b.layerName("dropout", options.name);
  if (!(options.ratio >= 0 && options.ratio < 1))
    throw b.invalid(layer, `the ratio ${options.ratio} must be in [0, 1)`);
  const ratio = b.scalar(`${layer}/ratio`, options.ratio);
  const isTraining = b.constant(`${layer}/training`, { dtype: "bool", shape: [], data: Uint8Array.of(1) });
  return b.node("Dropout", layer, [x, ratio, isTraining], {});
}

/** Dropout where the ratio is above 0, and nothing at all where it is not. */
export function droppedOut(b: GraphBuilder, x: Value, name: string, ratio: number | undefined): Value {
  return ratio === undefined || ratio === 0 ? x : dropout(b, x, { name, ratio });
}
