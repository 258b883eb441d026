/**
 * Transformer layers and stacks under PyTorch's names.
 *
 * SOURCE: Vaswani et al., "Attention Is All You Need", 2017; torch.nn.TransformerEncoderLayer and its siblings, but for
 * two defaults: no dropout, and a middle four times as wide.
 */
import type { GraphBuilder, Value } from "../graph-builder.ts";
import { type ActivationName, activation } from "./activation.ts";
import { attention } from "./attention.ts";
import { droppedOut } from "./dropout.ts";
import { linear } from "./linear.ts";
import { layerNorm } from "./normalization.ts";
import type { LayerOptions } from "./options.ts";

export interface TransformerLayerOptions extends LayerOptions {
  readonly heads: number;
  /** Width of the middle; four times the layer's unless given. */
  readonly feedForward?: number;
  readonly activation?: ActivationName;
  readonly dropout?: number;
  /** Normalizes before each half, which trains more steadily; else after, as in 2017. */
  readonly normFirst?: boolean;
  readonly causal?: boolean;
  /** bool[N, positions]: true where to look. */
  readonly mask?: Value;
}

export interface DecoderLayerOptions extends TransformerLayerOptions {
  /** What the encoder made: float32[N, places, width]. */
  readonly context: Value;
  readonly contextMask?: Value;
}

type Stack<O> = O & {
  readonly layers: number;
  /** A last normalization, `<stack>.norm`. */
  readonly norm?: boolean;
};

/** float32[N, positions, width] → the same: attention, then two linear layers, each with what came in added. */
export function transformerEncoderLayer(b: GraphBuilder, x: Value, options: TransformerLayerOptions): Value {
  const layer = b.layerName("encoderLayer", options.name);
  const half = halves(b, layer, options);
  const attended = half(x, "norm1", "dropout1", (y) =>
    attention(b, y, attentionOptions(options, `${layer}.self_attn`)),
  );
  return half(attended, "norm2", "dropout2", (y) => feedForward(b, layer, y, options));
}

/** As the encoder's layer, causal, with attention to what the encoder made in between. */
export function transformerDecoderLayer(b: GraphBuilder, x: Value, options: DecoderLayerOptions): Value {
  const layer = b.layerName("decoderLayer", options.name);
  const half = halves(b, layer, options);
  const { context, contextMask, causal = true } = options;
  const attended = half(x, "norm1", "dropout1", (y) =>
    attention(b, y, attentionOptions({ ...options, causal }, `${layer}.self_attn`)),
  );
  const across = { heads: options.heads, ...(contextMask && { mask: contextMask }) };
  const informed = half(attended, "norm2", "dropout2", (y) =>
    attention(b, y, { ...attentionOptions(across, `${layer}.multihead_attn`), context }),
  );
  return half(informed, "norm3", "dropout3", (y) => feedForward(b, layer, y, options));
}

/** Layers `<stack>.layers.0` and on. */
export function transformerEncoder(
  b: GraphBuilder,
  x: Value,
  options: Stack<TransformerLayerOptions>,
): Value {
  const stack = b.layerName("encoder", options.name);
  return stacked(b, stack, x, options, (y, name) => transformerEncoderLayer(b, y, { ...options, name }));
}

/** Layers `<stack>.layers.0` and on. */
export function transformerDecoder(b: GraphBuilder, x: Value, options: Stack<DecoderLayerOptions>): Value {
  const stack = b.layerName("decoder", options.name);
  return stacked(b, stack, x, options, (y, name) => transformerDecoderLayer(b, y, { ...options, name }));
}

export interface TransformerOptions extends TransformerLayerOptions {
  readonly encoderLayers: number;
  readonly decoderLayers: number;
}

/** From a source to a target, both embedded already: parameters `<name>.encoder.*` and `<name>.decoder.*`. */
export function transformer(
  b: GraphBuilder,
  source: Value,
  target: Value,
  options: TransformerOptions,
): Value {
  const name = b.layerName("transformer", options.name);
  const { encoderLayers, decoderLayers, mask, causal: _, ...layer } = options;
  const sourceMask = mask === undefined ? {} : { mask };
  const context = transformerEncoder(b, source, {
    ...layer,
    ...sourceMask,
    name: `${name}.encoder`,
    layers: encoderLayers,
    norm: true,
  });
  return transformerDecoder(b, target, {
    ...layer,
    name: `${name}.decoder`,
    layers: decoderLayers,
    norm: true,
    context,
    ...(mask === undefined ? {} : { contextMask: mask }),
  });
}

type Half = (x: Value, norm: string, dropped: string, inside: (y: Value) => Value) => Value;

/** x + inside(norm(x)), or norm(x + inside(x)). */
function halves(
  b: GraphBuilder,
  layer: string,
  { dropout, normFirst = false }: TransformerLayerOptions,
): Half {
  return (x, norm, dropped, inside) => {
    const normed = (y: Value): Value => layerNorm(b, y, { name: `${layer}.${norm}` });
    const made = inside(normFirst ? normed(x) : x);
    const kept = droppedOut(b, made, `${layer}/${dropped}`, dropout);
    const sum = b.node("Add", `${layer}/${norm}/sum`, [x, kept], {});
    return normFirst ? sum : normed(sum);
  };
}

function feedForward(b: GraphBuilder, layer: string, x: Value, options: TransformerLayerOptions): Value {
  const width = b.fixed(x.type.shape.at(-1), layer, "the last axis");
  const outFeatures = options.feedForward ?? 4 * width;
  const wide = linear(b, x, { name: `${layer}.linear1`, outFeatures });
  const active = activation(b, wide, options.activation ?? "relu", { name: `${layer}/activation` });
  const kept = droppedOut(b, active, `${layer}/dropout`, options.dropout);
  return linear(b, kept, { name: `${layer}.linear2`, outFeatures: width });
}

function attentionOptions(
  { heads, causal, mask, dropout }: Omit<TransformerLayerOptions, "name">,
  name: string,
) {
  return {
    name,
    heads,
    ...(causal === undefined ? {} : { causal }),
    ...(mask === undefined ? {} : { mask }),
    ...(dropout === undefined ? {} : { dropout }),
  };
}

function stacked(
  b: GraphBuilder,
  stack: string,
  x: Value,
  { layers, norm = false }: Stack<object>,
  make: (x: Value, name: string) => Value,
): Value {
  const indices = Array.from({ length: layers }, (_, i) => i);
  const made = indices.reduce((y, i) => make(y, `${stack}.layers.${i}`), x);
  return norm ? layerNorm(b, made, { name: `${stack}.norm` }) : made;
}
