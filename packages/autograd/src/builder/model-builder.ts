/** The builder with every layer as a method: `b.linear(x, { outFeatures: 10 })` is `linear(b, x, …)`. */
import type { GraphValue } from "../graph/graph.ts";
import { GraphBuilder } from "./graph-builder.ts";
import { LAYERS } from "./layers.ts";

type Method<F> = F extends (b: GraphBuilder, ...rest: infer R) => infer V ? (...rest: R) => V : never;

export type ModelBuilder = GraphBuilder & {
  readonly [L in keyof typeof LAYERS]: Method<(typeof LAYERS)[L]>;
};

export function createModelBuilder(name: string, inputs: readonly GraphValue[], seed: number): ModelBuilder {
  const builder = new GraphBuilder(name, inputs, seed);
  const methods = Object.entries(LAYERS).map(([layer, make]) => {
    // SAFETY: one signature for all layers; Method<…> gives each its own back.
    const any = make as (b: GraphBuilder, ...rest: unknown[]) => unknown;
    return [layer, (...rest: unknown[]) => any(builder, ...rest)] as const;
  });
  // SAFETY: a method for every key of LAYERS, bound to this builder.
  return Object.assign(builder, Object.fromEntries(methods)) as unknown as ModelBuilder;
}
