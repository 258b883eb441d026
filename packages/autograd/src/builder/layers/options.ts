/** What layers have in common: a name, and how their parameters begin. */
import type { GraphBuilder, Value } from "../graph-builder.ts";
import type { Initialization } from "../initialization.ts";

export interface LayerOptions {
  /** Its parameters are `<name>.weight` and so on; kind and number when left out, such as conv1. */
  readonly name?: string;
}

export interface WeightOptions extends LayerOptions {
  /** Without: no bias. */
  readonly bias?: boolean;
  /** In place of PyTorch's defaults. */
  readonly initial?: { readonly weight?: Initialization; readonly bias?: Initialization };
  /** The name of an earlier parameter that is this layer's weight as well. */
  readonly tied?: string;
}

/** Weight and, unless there is none, bias: the inputs of a node after its first. */
export function weightAndBias(
  b: GraphBuilder,
  layer: string,
  options: WeightOptions,
  made: { readonly shape: readonly number[]; readonly features: number; readonly drawn: Initialization },
): readonly [Value, ...Value[]] {
  const { shape, features, drawn } = made;
  const { initial = {}, tied } = options;
  const weight =
    tied === undefined
      ? b.parameter(`${layer}.weight`, shape, initial.weight ?? drawn)
      : b.shared(tied, shape, layer);
  if (options.bias === false) return [weight];
  return [weight, b.parameter(`${layer}.bias`, [features], initial.bias ?? drawn)];
}

/** One number for all of `rank` axes, or one for each. */
export type Sizes = number | readonly number[];

export function sizesOf(
  b: GraphBuilder,
  layer: string,
  what: string,
  sizes: Sizes,
  rank: number,
): readonly number[] {
  const all = typeof sizes === "number" ? new Array<number>(rank).fill(sizes) : sizes;
  if (all.length !== rank) {
    throw b.invalid(layer, `${what} has ${all.length} numbers; give one, or ${rank}, one for each axis`);
  }
  return all;
}

/**
 * A reshape with the sizes as a constant of the layer; 0 keeps an axis, -1 takes what is left.
 *
 * @throws {BuilderError} where the numbers do not fit: inference lets a named size stand for anything
 */
export function reshapeTo(b: GraphBuilder, name: string, x: Value, shape: readonly number[]): Value {
  const given = x.type.shape.filter((_, axis) => shape[axis] !== 0);
  const wanted = shape.filter((size) => size !== 0);
  if (given.every((dim) => typeof dim === "number")) {
    const [have, want] = [given, wanted].map((sizes) => sizes.reduce((product, size) => product * size, 1));
    const fits = want !== undefined && have !== undefined && (want < 0 ? have % want === 0 : have === want);
    if (!fits) {
      const [from, to] = [x.type.shape, shape].map((sizes) => `[${sizes.join(", ")}]`);
      const why = `${from} does not become ${to}: the sizes must multiply to as many elements`;
      throw b.invalid(name, `${why}; 0 keeps an axis, and one may be -1, which takes what is left`);
    }
  }
  return b.node("Reshape", name, [x, b.ints(`${name}/shape`, shape)], { allowzero: 0 });
}

/** @throws {BuilderError} unless x has the channels on axis 1 of `rank` axes */
export function channelsOf(b: GraphBuilder, layer: string, x: Value, rank: number, axes: string): number {
  const { shape } = x.type;
  if (shape.length !== rank) {
    throw b.invalid(layer, `it takes ${axes} and is given [${shape.join(", ")}]: reshape it to ${rank} axes`);
  }
  return b.fixed(shape[1], layer, "the channel axis");
}
