/**
 * Attention and the transformer block of GPT-2.
 *
 * SOURCE: Radford et al., "Language Models are Unsupervised Multitask Learners", 2019 (normalization before each
 * half, weights drawn with deviation 0.02); Vaswani et al., "Attention Is All You Need", 2017.
 */
import type { Value } from "./graph-builder.ts";
import type { LayerOptions, ModelBuilder } from "./model-builder.ts";

export interface AttentionOptions extends LayerOptions {
  readonly heads: number;
}

const DEVIATION = 0.02;

/** Stands in for −∞ where a position may not look: exp of it is 0 in float32, and its gradient is a number. */
const BLOCKED = -1e9;

/** float32[batch, positions, width] → the same; each position sees itself and those before it. */
export function causalSelfAttention(b: ModelBuilder, x: Value, options: AttentionOptions): Value {
  const layer = b.layerName("attention", options.name);
  const { heads } = options;
  const positions = b.fixed(x.type.shape[1], layer, "the position axis");
  const width = b.fixed(x.type.shape[2], layer, "the last axis");
  if (!Number.isInteger(heads) || heads < 1 || width % heads !== 0) {
    throw b.invalid(layer, `a width of ${width} does not split into ${heads} heads`);
  }
  const joined = b.linear(x, { name: `${layer}.qkv`, outFeatures: 3 * width, deviation: DEVIATION });
  const perHead = b.ints(`${layer}/split/shape`, [0, 0, heads, width / heads]);
  const thirds = b.nodes(
    "Split",
    `${layer}/thirds`,
    [joined],
    { axis: -1, num_outputs: 3 },
    ["q", "k", "v"].map((part) => `${layer}/${part}`),
  );
  const [q, k, v] = thirds.map((third, i) => {
    const split = b.node("Reshape", `${third.name}/split`, [third, perHead], { allowzero: 0 });
    // Keys come out ready for the product: [batch, heads, width, positions].
    return b.node("Transpose", `${third.name}/heads`, [split], {
      perm: i === 1 ? [0, 2, 3, 1] : [0, 2, 1, 3],
    });
  });
  if (q === undefined || k === undefined || v === undefined) return x;
  const scale = b.scalar(`${layer}/scale`, 1 / Math.sqrt(width / heads));
  const scores = b.node(
    "MatMul",
    `${layer}/products`,
    [b.node("Mul", `${layer}/scaled`, [q, scale], {}), k],
    {},
  );
  const mask = b.constant(`${layer}/mask`, causalMask(positions));
  const allowed = b.node(
    "Where",
    `${layer}/allowed`,
    [mask, scores, b.scalar(`${layer}/blocked`, BLOCKED)],
    {},
  );
  const weights = b.node("Softmax", `${layer}/weights`, [allowed], { axis: -1 });
  const mixed = b.node("Transpose", `${layer}/mixed`, [b.node("MatMul", `${layer}/mix`, [weights, v], {})], {
    perm: [0, 2, 1, 3],
  });
  const merged = b.node(
    "Reshape",
    `${layer}/merged`,
    [mixed, b.ints(`${layer}/merge/shape`, [0, 0, width])],
    { allowzero: 0 },
  );
  return b.linear(merged, { name: `${layer}.proj`, outFeatures: width, deviation: DEVIATION });
}

/** x + attention(norm(x)), then that plus mlp(norm(that)), four times as wide inside. */
export function transformerBlock(b: ModelBuilder, x: Value, options: AttentionOptions): Value {
  const layer = b.layerName("block", options.name);
  const normed = b.layerNorm(x, { name: `${layer}.ln1` });
  const attended = causalSelfAttention(b, normed, { name: `${layer}.attention`, heads: options.heads });
  const middle = b.add(x, attended, { name: `${layer}/middle` });
  const width = b.fixed(x.type.shape[2], layer, "the last axis");
  const again = b.layerNorm(middle, { name: `${layer}.ln2` });
  const wide = b.linear(again, { name: `${layer}.mlp1`, outFeatures: 4 * width, deviation: DEVIATION });
  const active = b.gelu(wide, { name: `${layer}/gelu` });
  const narrow = b.linear(active, { name: `${layer}.mlp2`, outFeatures: width, deviation: DEVIATION });
  return b.add(middle, narrow, { name: `${layer}/out` });
}

function causalMask(positions: number) {
  const data = Uint8Array.from({ length: positions * positions }, (_, i) =>
    Number(i % positions <= Math.floor(i / positions)),
  );
  return { dtype: "bool", shape: [1, 1, positions, positions], data } as const;
}
