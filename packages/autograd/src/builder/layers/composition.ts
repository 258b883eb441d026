/** Layers put together: a layer is any function of a value. */
import type { GraphBuilder, Value } from "../graph-builder.ts";
import type { LayerOptions } from "./options.ts";

export type Layer = (x: Value) => Value;

/** One after another: `b.sequence(x, b.relu, (y) => b.linear(y, { outFeatures: 10 }))`. */
export function sequence(_: GraphBuilder, x: Value, ...layers: readonly Layer[]): Value {
  return layers.reduce((y, layer) => layer(y), x);
}

/** The same kind of layer so many times, told which one it is. */
export function repeat(
  _: GraphBuilder,
  x: Value,
  count: number,
  layer: (x: Value, i: number) => Value,
): Value {
  return Array.from({ length: count }, (_unused, i) => i).reduce((y, i) => layer(y, i), x);
}

/** What comes in plus what the layer makes of it; both of one shape. */
export function residual(b: GraphBuilder, x: Value, layer: Layer, options: LayerOptions = {}): Value {
  const name = b.layerName("residual", options.name);
  return b.node("Add", name, [x, layer(x)], {});
}
