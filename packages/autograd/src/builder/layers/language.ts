/**
 * The blocks of two language models.
 *
 * SOURCE: Radford et al., "Language Models are Unsupervised Multitask Learners", 2019 (GPT-2); Touvron et al., "LLaMA",
 * 2023 (RMS norm, rotary positions, SwiGLU).
 */
import type { GraphBuilder, Value } from "../graph-builder.ts";
import { activation, gelu } from "./activation.ts";
import { type AttentionOptions, causalSelfAttention, groupedQueryAttention } from "./attention.ts";
import { linear } from "./linear.ts";
import { layerNorm, rmsNorm } from "./normalization.ts";
import type { LayerOptions } from "./options.ts";

const GPT_DEVIATION = 0.02;

/** x + attention(norm(x)), then that plus mlp(norm(that)), four times as wide inside: GPT-2's. */
export function transformerBlock(b: GraphBuilder, x: Value, options: AttentionOptions): Value {
  const layer = b.layerName("block", options.name);
  const width = b.fixed(x.type.shape[2], layer, "the last axis");
  const normed = layerNorm(b, x, { name: `${layer}.ln1` });
  const attended = causalSelfAttention(b, normed, { ...options, name: `${layer}.attention` });
  const middle = b.node("Add", `${layer}/middle`, [x, attended], {});
  const again = layerNorm(b, middle, { name: `${layer}.ln2` });
  const deviation = GPT_DEVIATION;
  const wide = linear(b, again, { name: `${layer}.mlp1`, outFeatures: 4 * width, deviation });
  const active = gelu(b, wide, { name: `${layer}/gelu` });
  const narrow = linear(b, active, { name: `${layer}.mlp2`, outFeatures: width, deviation });
  return b.node("Add", `${layer}/out`, [middle, narrow], {});
}

export interface LlamaBlockOptions extends LayerOptions {
  readonly heads: number;
  /** Key and value heads; as many as heads unless given. */
  readonly keyHeads?: number;
  /** Width inside the mlp; 8/3 of the layer's, rounded up to a multiple of 8, unless given. */
  readonly feedForward?: number;
  readonly epsilon?: number;
}

/** As transformerBlock with RMS norms, rotary positions, grouped queries and a gated mlp: LLaMA's. */
export function llamaBlock(b: GraphBuilder, x: Value, options: LlamaBlockOptions): Value {
  const layer = b.layerName("block", options.name);
  const width = b.fixed(x.type.shape[2], layer, "the last axis");
  const { heads, keyHeads = heads, epsilon = 1e-6 } = options;
  const outFeatures = options.feedForward ?? 8 * Math.ceil(width / 3);
  const normed = rmsNorm(b, x, { name: `${layer}.input_layernorm`, epsilon });
  const attended = groupedQueryAttention(b, normed, {
    name: `${layer}.self_attn`,
    heads,
    keyHeads,
    causal: true,
    rotary: true,
  });
  const middle = b.node("Add", `${layer}/middle`, [x, attended], {});
  const again = rmsNorm(b, middle, { name: `${layer}.post_attention_layernorm`, epsilon });
  const project = (name: string, from: Value, features: number): Value =>
    linear(b, from, { name: `${layer}.mlp.${name}`, outFeatures: features, bias: false });
  const gate = activation(b, project("gate_proj", again, outFeatures), "silu", { name: `${layer}/gate` });
  const gated = b.node("Mul", `${layer}/gated`, [gate, project("up_proj", again, outFeatures)], {});
  return b.node("Add", `${layer}/out`, [middle, project("down_proj", gated, width)], {});
}
