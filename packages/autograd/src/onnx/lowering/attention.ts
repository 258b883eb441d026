/** The attention operators of com.microsoft, written out as products and a softmax. */
import type { Lowering, LoweringSite } from "./lowering-site.ts";

const FLOAT_LOWEST = -3.4028234663852886e38;
const CACHE = "it keeps a cache of keys and values; export the model without past_key_values";

export const ATTENTION_LOWERINGS = {
  Attention: (site) => [packedAttention(site)],
  MultiHeadAttention: multiHeadAttention,
  RotaryEmbedding: (site) => [rotaryEmbedding(site)],
} as const satisfies Readonly<Record<string, Lowering>>;

/** Each [batch, heads, length, width]. */
interface Heads {
  readonly q: string;
  readonly k: string;
  readonly v: string;
}

interface Settings {
  /** 0: 1/√width. */
  readonly scale: number;
  readonly isCausal: boolean;
  readonly filter: number;
  /** Which keys count; of 1, 2 or 3 axes. */
  readonly mask: string | undefined;
  /** Added to the scores. */
  readonly bias: string | undefined;
  /** Earlier keys, which come before all queries. */
  readonly past?: string | undefined;
}

/** input [batch, length, in] · weights [in, q + k + v] + bias. */
function packedAttention(site: LoweringSite): string {
  const heads = site.int("num_heads", 1);
  const sizes = site.ints("qkv_hidden_sizes");
  const settings = settingsOf(site, { mask: 3, bias: 5 });
  if (site.int("do_rotary", 0) !== 0) throw site.refuse("do_rotary is not known; optimize without it");
  site.ignore("rotary_embedding_dim", "past_present_share_buffer");
  if (site.has(4) || site.makes(1)) throw site.refuse(CACHE);
  const product = site.emit("MatMul", [site.input(0), site.input(1)], {});
  const all = site.has(2) ? site.add(product, site.input(2)) : product;
  const third = site.sizeOf(all, -1) / 3;
  const [qSize = third, kSize = third] = sizes ?? [];
  const q = site.slice(all, -1, 0, qSize);
  const k = site.slice(all, -1, qSize, qSize + kSize);
  const v = site.slice(all, -1, qSize + kSize, Number.MAX_SAFE_INTEGER);
  const split = (x: string) => splitHeads(site, x, heads);
  return attend(site, { q: split(q), k: split(k), v: split(v) }, settings);
}

function multiHeadAttention(site: LoweringSite): readonly string[] {
  const heads = site.int("num_heads", 1);
  const settings = settingsOf(site, { mask: 4, bias: 5 });
  const given = unpacked(site);
  const bias = site.optional(3);
  let from = 0;
  const biased = (x: string): string => {
    if (bias === undefined) return x;
    if (site.rankOf(x) !== 3) throw site.refuse("it has a bias and inputs that are split into heads already");
    const to = from + site.sizeOf(x, -1);
    const own = site.slice(bias, 0, from, to);
    from = to;
    return site.add(x, own);
  };
  const [q, k, v] = [biased(given.q), biased(given.k), biased(given.v)];
  const split = (x: string) => (site.rankOf(x) === 4 ? x : splitHeads(site, x, heads));
  const cached = withPast(site, { k: split(k), v: split(v) }, [6, 7]);
  return [attend(site, { q: split(q), ...cached }, { ...settings, past: cached.past }), cached.k, cached.v];
}

/** Keys and values behind those of earlier calls; [batch, heads, length, width]. */
function withPast(
  site: LoweringSite,
  { k, v }: Pick<Heads, "k" | "v">,
  [key, value]: readonly [number, number],
): Pick<Heads, "k" | "v"> & { readonly past: string | undefined } {
  if (site.has(key) !== site.has(value))
    throw site.illegal("it has past keys without values, or values without keys");
  if (!site.has(key)) return { k, v, past: undefined };
  const past = site.input(key);
  return { k: site.concat([past, k], 2), v: site.concat([site.input(value), v], 2), past };
}

/** ONNX's own, with keys and values of earlier calls: they go before those given, and all of them come out again. */
export function attentionWithCache(site: LoweringSite): readonly string[] {
  if (site.makes(3)) throw site.refuse("it gives its scores; compute them beside it where they are needed");
  if (site.node.inputs.length > 6) throw site.refuse("lengths of its keys are not known here; give a mask");
  site.ignore("qk_matmul_output_mode", "softmax_precision"); // of an output and of widths that are not here
  const [own, shared] = [site.int("q_num_heads", 0), site.int("kv_num_heads", 0)];
  const isFlat = site.rankOf(site.input(0)) === 3;
  const split = (x: string, heads: number) => (isFlat ? splitHeads(site, x, heads) : x);
  const [q, given] = [
    split(site.input(0), own),
    { k: split(site.input(1), shared), v: split(site.input(2), shared) },
  ];
  const { k, v, past } = withPast(site, given, [4, 5]);
  const isCausal = site.int("is_causal", 0) !== 0;
  const scale = site.float("scale", Number.NaN);
  // Earlier keys come before all queries: a query sees them and those up to its own place.
  const bias = isCausal && past !== undefined ? laterBias(site, { q, k, past }) : undefined;
  const mask = site.optional(3);
  const attended = site.emit("Attention", [q, k, v, bothMasks(site, mask, bias)], {
    is_causal: isCausal && past === undefined ? 1 : 0,
    softcap: site.float("softcap", 0),
    ...(Number.isNaN(scale) ? {} : { scale }),
  });
  const y = isFlat ? site.reshape(site.transpose(attended, [0, 2, 1, 3]), [0, 0, -1]) : attended;
  return [y, k, v];
}

function bothMasks(site: LoweringSite, mask: string | undefined, bias: string | undefined) {
  if (mask === undefined || bias === undefined) return mask ?? bias;
  if (site.typeOf(mask).dtype !== "bool") return site.add(mask, bias);
  return site.emit("Where", [mask, bias, site.scalar(FLOAT_LOWEST, bias)], {});
}

/** [queries, keys]: the lowest number where a key comes after its query. */
function laterBias(
  site: LoweringSite,
  { q, k, past }: { readonly q: string; readonly k: string; readonly past: string | undefined },
): string {
  const length = (x: string) => site.emit("Shape", [x], { start: 2, end: 3 });
  const value = { dtype: "float32", shape: [1], data: Float32Array.of(FLOAT_LOWEST) } as const;
  const filled = site.emit("ConstantOfShape", [site.concat([length(q), length(k)], 0)], { value });
  const one = site.integers([1]);
  const first = past === undefined ? one : site.add(length(past), one);
  const later = site.emit("Trilu", [filled, site.emit("Squeeze", [first], {})], { upper: 1 });
  return site.cast(later, site.typeOf(q).dtype);
}

/** Query, key and value as they are given: apart, or packed as [batch, length, heads, 2 or 3, width]. */
function unpacked(site: LoweringSite): Heads {
  const query = site.input(0);
  const part = (packed: string, i: number): string => {
    const picked = site.gather(packed, site.integers([i], []), 3); // [batch, length, heads, width]
    return site.transpose(picked, [0, 2, 1, 3]);
  };
  if (site.rankOf(query) === 5) return { q: part(query, 0), k: part(query, 1), v: part(query, 2) };
  const key = site.has(1) ? site.input(1) : query;
  if (site.rankOf(key) === 5) return { q: query, k: part(key, 0), v: part(key, 1) };
  return { q: query, k: key, v: site.has(2) ? site.input(2) : key };
}

function settingsOf(site: LoweringSite, at: { readonly mask: number; readonly bias: number }): Settings {
  return {
    scale: site.float("scale", 0),
    isCausal: site.int("unidirectional", 0) !== 0,
    filter: site.float("mask_filter_value", -10_000),
    mask: site.optional(at.mask),
    bias: site.optional(at.bias),
  };
}

/** [batch, length, heads · width] → [batch, heads, length, width] */
function splitHeads(site: LoweringSite, x: string, heads: number): string {
  return site.transpose(site.reshape(x, [0, 0, heads, -1]), [0, 2, 1, 3]);
}

/** softmax(scale · q·kᵀ + masks)·v, the heads side by side again. */
function attend(site: LoweringSite, { q, k, v }: Heads, settings: Settings): string {
  const scale = settings.scale === 0 ? 1 / Math.sqrt(site.sizeOf(q, -1)) : settings.scale;
  const product = site.emit("MatMul", [q, site.transpose(k, [0, 1, 3, 2])], {});
  let scores = site.scale(product, scale);
  if (settings.bias !== undefined) scores = site.add(scores, settings.bias);
  if (settings.mask !== undefined)
    scores = site.add(scores, maskBias(site, settings.mask, product, settings.filter));
  if (settings.isCausal) scores = site.add(scores, laterBias(site, { q, k, past: settings.past }));
  const shares = site.emit("Softmax", [scores], { axis: -1 });
  const mixed = site.emit("MatMul", [shares, v], {});
  return site.reshape(site.transpose(mixed, [0, 2, 1, 3]), [0, 0, site.sizeOf(q, 1) * site.sizeOf(v, -1)]);
}

/** The filter where a key does not count: [batch, 1, 1 or length, keys]. */
function maskBias(site: LoweringSite, mask: string, scores: string, filter: number): string {
  const filtered = (counts: string) =>
    site.emit("Where", [counts, site.scalar(0, scores), site.scalar(filter, scores)], {});
  const rank = site.rankOf(mask);
  if (rank === 1) {
    const [rows, batch] = [site.shapeOf(mask)[0], site.shapeOf(scores)[0]];
    if (typeof rows === "number" && typeof batch === "number" && rows !== batch)
      throw site.refuse("its mask holds start positions; pad at the end, or give a mask of 0 and 1");
    // How many keys count in each row.
    const keys = site.emit("Squeeze", [site.emit("Shape", [scores], { start: 3, end: 4 })], {});
    const positions = site.emit("Range", [site.integers([0], []), keys, site.integers([1], [])], {});
    const counts = site.emit("Less", [positions, site.unsqueeze(site.cast(mask, "int64"), [1])], {});
    return site.unsqueeze(filtered(counts), [1, 2]);
  }
  if (rank !== 2 && rank !== 3) throw site.refuse(`its mask has ${rank} axes; give one of 1, 2 or 3`);
  return site.unsqueeze(filtered(site.cast(mask, "bool")), rank === 2 ? [1, 2] : [1]);
}

/** Pairs of elements turned by an angle that grows with the position. */
function rotaryEmbedding(site: LoweringSite): string {
  const [given, positions, cosines, sines] = [site.input(0), site.input(1), site.input(2), site.input(3)];
  const isInterleaved = site.int("interleaved", 0) !== 0;
  const heads = site.int("num_heads", 0);
  const turned = site.int("rotary_embedding_dim", 0);
  if (site.float("scale", 1) !== 1) throw site.refuse("a scale other than 1 is not known");
  if (site.int("is_packed_batching", 0) !== 0) throw site.refuse("packed batches are not known; pad them");
  const half = site.sizeOf(cosines, 1);
  const isFlat = site.rankOf(given) === 3;
  const width = turned > 0 && isFlat ? site.sizeOf(given, -1) / heads : 2 * half;
  const x = isFlat ? site.reshape(given, [0, 0, -1, width]) : given;
  const angles = rotaryPositions(site, positions, x, isFlat ? 1 : 2);
  const at = (table: string) => site.unsqueeze(site.gather(table, angles, 0), [isFlat ? 2 : 1]);
  const [cos, sin] = [at(cosines), at(sines)];
  const [a, b] = isInterleaved
    ? [site.slice(x, -1, 0, 2 * half, 2), site.slice(x, -1, 1, 2 * half, 2)]
    : [site.slice(x, -1, 0, half), site.slice(x, -1, half, 2 * half)];
  const first = site.emit("Sub", [site.mul(a, cos), site.mul(b, sin)], {});
  const second = site.add(site.mul(b, cos), site.mul(a, sin));
  const pairs = isInterleaved
    ? site.reshape(site.concat([site.unsqueeze(first, [-1]), site.unsqueeze(second, [-1])], -1), [
        0,
        0,
        0,
        2 * half,
      ])
    : site.concat([first, second], -1);
  const whole = site.sizeOf(x, -1);
  const y = whole === 2 * half ? pairs : site.concat([pairs, site.slice(x, -1, 2 * half, whole)], -1);
  return isFlat ? site.reshape(y, [0, 0, site.sizeOf(given, -1)]) : y;
}

/** int64[batch or 1, length]: given as such, or as where to start counting. */
function rotaryPositions(site: LoweringSite, positions: string, x: string, axis: number): string {
  if (site.rankOf(positions) === 2) return positions;
  const length = site.emit("Squeeze", [site.emit("Shape", [x], { start: axis, end: axis + 1 })], {});
  const counted = site.emit("Range", [site.integers([0], []), length, site.integers([1], [])], {});
  return site.unsqueeze(site.add(counted, positions), [0]);
}
