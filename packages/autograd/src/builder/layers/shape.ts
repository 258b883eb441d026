/** The same elements in another arrangement. */
import type { GraphBuilder, Value } from "../graph-builder.ts";
import { type LayerOptions, reshapeTo } from "./options.ts";

/** 0 keeps the axis at that place; -1 takes what is left. */
export function reshape(
  b: GraphBuilder,
  x: Value,
  shape: readonly number[],
  options: LayerOptions = {},
): Value {
  return reshapeTo(b, b.layerName("reshape", options.name), x, shape);
}

/** [N, …] → [N, all the rest]; `axis` is the first of those that are joined. */
export function flatten(
  b: GraphBuilder,
  x: Value,
  options: LayerOptions & { readonly axis?: number } = {},
): Value {
  const { axis = 1 } = options;
  const layer = b.layerName("flatten", options.name);
  if (axis === 1) return b.node("Flatten", layer, [x], { axis });
  return reshapeTo(b, layer, x, [...x.type.shape.slice(0, axis).map(() => 0), -1]);
}

/** Axis i of the result is axis perm[i] of x. */
export function transpose(
  b: GraphBuilder,
  x: Value,
  perm: readonly number[],
  options: LayerOptions = {},
): Value {
  return b.node("Transpose", b.layerName("transpose", options.name), [x], { perm });
}

/** Takes axes of size 1 away. */
export function squeeze(
  b: GraphBuilder,
  x: Value,
  axes: readonly number[],
  options: LayerOptions = {},
): Value {
  const layer = b.layerName("squeeze", options.name);
  return b.node("Squeeze", layer, [x, b.ints(`${layer}/axes`, axes)], {});
}

/** Puts axes of size 1 in, at these places of the result. */
export function unsqueeze(
  b: GraphBuilder,
  x: Value,
  axes: readonly number[],
  options: LayerOptions = {},
): Value {
  const layer = b.layerName("unsqueeze", options.name);
  return b.node("Unsqueeze", layer, [x, b.ints(`${layer}/axes`, axes)], {});
}

export function concat(
  b: GraphBuilder,
  values: readonly Value[],
  options: LayerOptions & { readonly axis: number },
): Value {
  return b.node("Concat", b.layerName("concat", options.name), values, { axis: options.axis });
}

/** Cuts an axis into pieces of these sizes, or into so many equal ones. */
export function split(
  b: GraphBuilder,
  x: Value,
  parts: number | readonly number[],
  options: LayerOptions & { readonly axis?: number } = {},
): readonly Value[] {
  const layer = b.layerName("split", options.name);
  const { axis = -1 } = options;
  const count = typeof parts === "number" ? parts : parts.length;
  const outputs = Array.from({ length: count }, (_, i) => `${layer}/part${i}`);
  if (typeof parts !== "number") {
    return b.nodes("Split", layer, [x, b.ints(`${layer}/sizes`, parts)], { axis }, outputs);
  }
  return b.nodes("Split", layer, [x], { axis, num_outputs: parts }, outputs);
}

/** From `start` up to, not including, `end` along an axis, by `step`; negative places count from the end. */
export function slice(
  b: GraphBuilder,
  x: Value,
  options: LayerOptions & {
    readonly axis: number;
    readonly start?: number;
    readonly end?: number;
    readonly step?: number;
  },
): Value {
  const layer = b.layerName("slice", options.name);
  const { axis, start = 0, end = Number.MAX_SAFE_INTEGER, step = 1 } = options;
  const parts = { start, end, axis, step };
  const inputs = Object.entries(parts).map(([part, value]) => b.ints(`${layer}/${part}`, [value]));
  return b.node("Slice", layer, [x, ...inputs], {});
}

/** `before[i]` and `after[i]` elements around axis i. */
export function pad(
  b: GraphBuilder,
  x: Value,
  options: LayerOptions & {
    readonly before: readonly number[];
    readonly after: readonly number[];
    readonly mode?: "constant" | "reflect" | "edge" | "wrap";
  },
): Value {
  const layer = b.layerName("pad", options.name);
  const pads = b.ints(`${layer}/pads`, [...options.before, ...options.after]);
  return b.node("Pad", layer, [x, pads], { mode: options.mode ?? "constant" });
}
