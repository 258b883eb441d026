/**
 * Attention, with the parameters of three families of models.
 *
 * SOURCE: Vaswani et al., 2017 (PyTorch's MultiheadAttention); Radford et al., 2019 (GPT-2: one product for queries,
 * keys and values); Ainslie et al., 2023 (grouped queries, as LLaMA names its parameters).
 */
import type { GraphBuilder, Value } from "../graph-builder.ts";
import { dotProductAttention } from "./dot-product.ts";
import { affine, linear } from "./linear.ts";
import { type LayerOptions, reshapeTo } from "./options.ts";
import { rotaryPositions } from "./rotary.ts";

export interface AttentionOptions extends LayerOptions {
  readonly heads: number;
  /** Each position sees itself and those before it. */
  readonly causal?: boolean;
  /** bool[N, places], or of any shape that spreads to [N, heads, positions, places]: true where to look. */
  readonly mask?: Value;
  /** Of the weights, while training. */
  readonly dropout?: number;
}

export interface MultiHeadOptions extends AttentionOptions {
  /** Where keys and values come from: float32[N, places, any width]; x itself when left out. */
  readonly context?: Value;
  readonly bias?: boolean;
}

export interface GroupedQueryOptions extends AttentionOptions {
  /** Key and value heads, each shared by heads / keyHeads queries; 1 is multi-query attention. */
  readonly keyHeads: number;
  /** Turns queries and keys by their positions; a base of 10,000 unless given. */
  readonly rotary?: boolean | { readonly base: number };
  readonly bias?: boolean;
}

/**
 * float32[N, positions, width] → the same. Parameters as PyTorch's: `in_proj_weight` [3 · width, width] and
 * `in_proj_bias`, or `q_proj_weight`, `k_proj_weight`, `v_proj_weight` for a context of another width; `out_proj.*`.
 */
export function attention(b: GraphBuilder, x: Value, options: MultiHeadOptions): Value {
  const layer = b.layerName("attention", options.name);
  const { context = x, heads, bias: hasBias = true } = options;
  const width = widthOf(b, layer, x, heads);
  const places = b.fixed(context.type.shape[2], layer, "the last axis of the context");
  const biases = hasBias
    ? thirds(b, layer, b.parameter(`${layer}.in_proj_bias`, [3 * width], { fill: 0 }), "bias")
    : [];
  const weights =
    places === width
      ? thirds(
          b,
          layer,
          b.parameter(`${layer}.in_proj_weight`, [3 * width, width], { xavier: "uniform" }),
          "weight",
        )
      : (["q", "k", "v"] as const).map((part) => {
          const shape = [width, part === "q" ? width : places];
          return b.parameter(`${layer}.${part}_proj_weight`, shape, { xavier: "uniform" });
        });
  const [query = x, key = x, value = x] = weights.map((weight, i) => {
    const part = affine(b, `${layer}/${"qkv"[i]}_proj`, i === 0 ? x : context, weight, biases[i]);
    return apart(b, part, heads, width / heads);
  });
  const mixed = dotProductAttention(b, layer, { ...options, query, key, value });
  return linear(b, mixed, {
    name: `${layer}.out_proj`,
    outFeatures: width,
    bias: hasBias,
    initial: { bias: { fill: 0 } },
  });
}

const GPT_DEVIATION = 0.02;

/** float32[N, positions, width] → the same, causal; parameters `<layer>.qkv.*` and `<layer>.proj.*`, as GPT-2's. */
export function causalSelfAttention(b: GraphBuilder, x: Value, options: AttentionOptions): Value {
  const layer = b.layerName("attention", options.name);
  const { heads } = options;
  const width = widthOf(b, layer, x, heads);
  const joined = linear(b, x, {
    name: `${layer}.qkv`,
    outFeatures: 3 * width,
    deviation: GPT_DEVIATION,
  });
  const parts = ["q", "k", "v"].map((part) => `${layer}/${part}/joined`);
  const split = b.nodes("Split", `${layer}/thirds`, [joined], { axis: -1, num_outputs: 3 }, parts);
  const [query = x, key = x, value = x] = split.map((part) => apart(b, part, heads, width / heads));
  const mixed = dotProductAttention(b, layer, { ...options, causal: true, query, key, value });
  return linear(b, mixed, { name: `${layer}.proj`, outFeatures: width, deviation: GPT_DEVIATION });
}

/** float32[N, positions, width] → the same; parameters `q_proj`, `k_proj`, `v_proj` and `o_proj`, as LLaMA's. */
export function groupedQueryAttention(b: GraphBuilder, x: Value, options: GroupedQueryOptions): Value {
  const layer = b.layerName("attention", options.name);
  const { heads, keyHeads, rotary = false, bias = false } = options;
  const width = widthOf(b, layer, x, heads);
  if (!Number.isInteger(keyHeads) || keyHeads < 1 || heads % keyHeads !== 0) {
    throw b.invalid(layer, `${heads} heads do not share ${keyHeads} key heads; give a divisor of ${heads}`);
  }
  const project = (part: "q" | "k" | "v", count: number): Value => {
    const outFeatures = (count * width) / heads;
    const joined = linear(b, x, { name: `${layer}.${part}_proj`, outFeatures, bias });
    const split = apart(b, joined, count, width / heads);
    if (rotary === false || part === "v") return split;
    const turn = rotary === true ? {} : { base: rotary.base };
    return rotaryPositions(b, split, { name: `${layer}/${part}/rotary`, ...turn });
  };
  const [query, key, value] = [project("q", heads), project("k", keyHeads), project("v", keyHeads)];
  const mixed = dotProductAttention(b, layer, { ...options, query, key, value });
  return linear(b, mixed, { name: `${layer}.o_proj`, outFeatures: width, bias });
}

function widthOf(b: GraphBuilder, layer: string, x: Value, heads: number): number {
  if (x.type.shape.length !== 3) {
    throw b.invalid(layer, `it takes [N, positions, width] and is given [${x.type.shape.join(", ")}]`);
  }
  const width = b.fixed(x.type.shape[2], layer, "the last axis");
  if (!Number.isInteger(heads) || heads < 1 || width % heads !== 0) {
    throw b.invalid(layer, `a width of ${width} does not split into ${heads} heads; give a divisor of it`);
  }
  return width;
}

/** float32[N, positions, heads · width] → float32[N, positions, heads, width] */
function apart(b: GraphBuilder, x: Value, heads: number, width: number): Value {
  return reshapeTo(b, `${x.name}/heads`, x, [0, 0, heads, width]);
}

function thirds(b: GraphBuilder, layer: string, joined: Value, what: string): readonly Value[] {
  const parts = ["q", "k", "v"].map((part) => `${layer}/${part}/${what}`);
  return b.nodes("Split", `${layer}/split/${what}`, [joined], { axis: 0, num_outputs: 3 }, parts);
}
