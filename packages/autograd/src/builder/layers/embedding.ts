/** Vectors for whole numbers: of tokens, of positions, of times. */
import type { GraphBuilder, Value } from "../graph-builder.ts";
import type { Initialization } from "../initialization.ts";
import type { LayerOptions } from "./options.ts";

export interface EmbeddingOptions extends LayerOptions {
  readonly count: number;
  readonly width: number;
  /** Of the Gaussian that the weights are drawn from; 1 unless given. */
  readonly deviation?: number;
  readonly initial?: { readonly weight?: Initialization };
  /** The name of an earlier parameter that is this layer's weight as well. */
  readonly tied?: string;
}

/** int64[…] → float32[…, width]; weight [count, width]. */
export function embedding(b: GraphBuilder, indices: Value, options: EmbeddingOptions): Value {
  const layer = b.layerName("embedding", options.name);
  const { count, width, deviation = 1, tied } = options;
  const shape = [count, width];
  const weight =
    tied === undefined
      ? b.parameter(`${layer}.weight`, shape, options.initial?.weight ?? { deviation })
      : b.shared(tied, shape, layer);
  return b.node("Gather", layer, [weight, indices], { axis: 0 });
}

/** Adds a trained vector to each position: float32[…, positions, width]; weight [positions, width]. */
export function learnedPositions(
  b: GraphBuilder,
  x: Value,
  options: LayerOptions & { readonly deviation?: number } = {},
): Value {
  const layer = b.layerName("positions", options.name);
  const shape = x.type.shape.slice(-2).map((dim) => b.fixed(dim, layer, "each of the last two axes"));
  const weight = b.parameter(`${layer}.weight`, shape, { deviation: options.deviation ?? 0.02 });
  return b.node("Add", layer, [x, weight], {});
}

/**
 * Adds sines and cosines of the position: float32[…, positions, width] → the same; no parameters.
 * SOURCE: Vaswani et al., 2017: sin(p / 10000^(2i/width)) at 2i, its cosine at 2i + 1.
 */
export function sinusoidalPositions(b: GraphBuilder, x: Value, options: LayerOptions = {}): Value {
  const layer = b.layerName("positions", options.name);
  const [positions = 1, width = 1] = x.type.shape
    .slice(-2)
    .map((dim) => b.fixed(dim, layer, "each of the last two axes"));
  const data = Float32Array.from({ length: positions * width }, (_, flat) => {
    const [position, i] = [Math.floor(flat / width), flat % width];
    const angle = position / 10_000 ** ((i - (i % 2)) / width);
    return i % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
  });
  const table = b.constant(`${layer}/table`, { dtype: "float32", shape: [positions, width], data });
  return b.node("Add", layer, [x, table], {});
}

/** float32[N] of times → float32[N, width], sines then cosines. SOURCE: Ho et al., 2020 (diffusion models). */
export function timeEmbedding(
  b: GraphBuilder,
  times: Value,
  options: LayerOptions & { readonly width: number },
): Value {
  const layer = b.layerName("time", options.name);
  const half = options.width / 2;
  if (!Number.isInteger(half) || half < 1) throw b.invalid(layer, `the width ${options.width} must be even`);
  const data = Float32Array.from({ length: half }, (_, i) => 10_000 ** (-i / half));
  const frequencies = b.constant(`${layer}/frequencies`, { dtype: "float32", shape: [1, half], data });
  const column = b.node("Unsqueeze", `${layer}/column`, [times, b.ints(`${layer}/axes`, [1])], {});
  const angles = b.node("Mul", `${layer}/angles`, [column, frequencies], {});
  const parts = [b.node("Sin", `${layer}/sin`, [angles], {}), b.node("Cos", `${layer}/cos`, [angles], {})];
  return b.node("Concat", layer, parts, { axis: 1 });
}
