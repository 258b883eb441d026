/** Attention composed of products and a softmax: those have gradients, and their kernels the speed. */
import { at, type Emitter, type Value } from "../rules/emitter.ts";
import type { Composition, CompositionContext } from "./composition.ts";

/** Added to the score of a key that does not count; the lowest float32. */
const LOWEST = -3.4028234663852886e38;

export const attentionComposition: Composition<"Attention"> = (context) => {
  const { attributes, emit, x, hasInput } = context;
  const { q_num_heads = 1, kv_num_heads = 1, is_causal, softcap } = attributes;
  const isFlat = x().shape.length === 3;
  const q = isFlat ? splitHeads(emit, x(0), q_num_heads) : x(0);
  const [k, v] = [x(1), x(2)].map((value) => (isFlat ? splitHeads(emit, value, kv_num_heads) : value));
  const [batch, heads, queries, width] = sizesOf(q);
  const [, shared, keys] = sizesOf(k ?? q);
  const last = at((v ?? q).shape, 3);
  const scale = attributes.scale ?? 1 / Math.sqrt(width);
  // The heads that share a k and a v stand below one another, and make one product with it.
  const rows = [batch, shared, (heads / shared) * queries];
  const folded = emit.reshape(emit.scale(q, scale), [...rows, width]);
  let scores = emit.reshape(emit.matmul(folded, emit.transposeLast(k ?? q)), [batch, heads, queries, keys]);
  if (softcap !== 0) scores = emit.scale(emit.unary("Tanh", emit.scale(scores, 1 / softcap)), softcap);
  if (is_causal !== 0)
    scores = emit.add2(scores, emit.cast(emit.constant(causalBias(queries, keys)), scores.dtype));
  if (hasInput(3)) scores = emit.add2(scores, emit.cast(maskBias(emit, x(3)), scores.dtype));
  const shares = emit.node("Softmax", [scores], { axis: -1 }, scores.dtype, scores.shape);
  const mixed = emit.matmul(emit.reshape(shares, [...rows, keys]), v ?? q);
  const y = emit.reshape(mixed, [batch, heads, queries, last]);
  if (!isFlat) return [y];
  return [emit.reshape(emit.transpose(y, [0, 2, 1, 3]), [batch, queries, heads * last])];
};

function sizesOf({ shape }: Value): [number, number, number, number] {
  return [at(shape, 0), at(shape, 1), at(shape, 2), at(shape, 3)];
}

/** [B, length, heads · width] → [B, heads, length, width] */
function splitHeads(emit: Emitter, x: Value, heads: number): Value {
  const [batch, length, whole] = [at(x.shape, 0), at(x.shape, 1), at(x.shape, 2)];
  return emit.transpose(emit.reshape(x, [batch, length, heads, whole / heads]), [0, 2, 1, 3]);
}

function causalBias(queries: number, keys: number) {
  const data = Float32Array.from({ length: queries * keys }, (_, flat) =>
    flat % keys > Math.trunc(flat / keys) ? LOWEST : 0,
  );
  return { dtype: "float32", shape: [queries, keys], data } as const;
}

function maskBias(emit: Emitter, mask: Value): Value {
  return mask.dtype === "bool" ? emit.where(mask, emit.scalar(0), emit.scalar(LOWEST)) : mask;
}

/** Each pair (a, b) becomes (a·cos − b·sin, a·sin + b·cos). */
export const rotaryComposition: Composition<"RotaryEmbedding"> = (context) => {
  const { attributes, emit, x } = context;
  const { shape } = x();
  const isFlat = shape.length === 3;
  const [batch, length] = [at(shape, 0), at(shape, isFlat ? 1 : 2)];
  const heads = isFlat ? attributes.num_heads : at(shape, 1);
  const width = isFlat ? at(shape, 2) / heads : at(shape, 3);
  const turned = attributes.rotary_embedding_dim === 0 ? width : attributes.rotary_embedding_dim;
  const half = turned / 2;
  const split = emit.reshape(x(), isFlat ? [batch, length, heads, width] : shape);
  const tableShape = isFlat ? [batch, length, 1, half] : [batch, 1, length, half];
  const [cos, sin] = [tableOf(context, 1, tableShape), tableOf(context, 2, tableShape)];
  const head = emit.slice(split, 3, 0, turned);
  const lead = split.shape.slice(0, 3);
  const isPaired = attributes.interleaved !== 0;
  const pairs = isPaired ? emit.reshape(head, [...lead, half, 2]) : emit.reshape(head, [...lead, 2, half]);
  const axis = isPaired ? 4 : 3;
  const [a, b] = emit.split(pairs, axis, [1, 1]).map((part) => emit.reshape(part, [...lead, half]));
  if (a === undefined || b === undefined) return undefined;
  const first = emit.sub(emit.mul(a, cos), emit.mul(b, sin));
  const second = emit.add2(emit.mul(a, sin), emit.mul(b, cos));
  const parts = [first, second].map((part) => emit.reshape(part, pairs.shape.with(axis, 1)));
  const rotated = emit.reshape(emit.concat(parts, axis), [...lead, turned]);
  const rest = turned === width ? [] : [emit.slice(split, 3, turned, width - turned)];
  return [emit.reshape(emit.concat([rotated, ...rest], 3), shape)];
};

function tableOf(
  { emit, x, hasInput }: CompositionContext<"RotaryEmbedding">,
  i: number,
  shape: readonly number[],
): Value {
  return emit.reshape(hasInput(3) ? emit.gather(x(i), x(3), 0) : x(i), shape);
}
