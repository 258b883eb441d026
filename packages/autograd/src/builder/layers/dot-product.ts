/** Softmax(q · kᵀ / √width) · v: what every kind of attention comes down to. */
import type { GraphBuilder, Value } from "../graph-builder.ts";
import { droppedOut } from "./dropout.ts";
import { reshapeTo } from "./options.ts";

export interface DotProduct {
  /** float32[N, positions, heads, width] */
  readonly query: Value;
  /** float32[N, places, heads that divide the query's, width] */
  readonly key: Value;
  readonly value: Value;
  /** Each position sees itself and those before it. */
  readonly causal?: boolean;
  /** bool[N, places], or of any shape that spreads to [N, heads, positions, places]: true where to look. */
  readonly mask?: Value;
  readonly dropout?: number;
}

/** Stands in for −∞ where a position may not look: exp of it is 0 in float32, and its gradient is a number. */
const BLOCKED = -1e9;

/** float32[N, positions, heads · width] */
export function dotProductAttention(b: GraphBuilder, layer: string, parts: DotProduct): Value {
  const { query, key, value } = parts;
  const heads = b.fixed(query.type.shape[2], layer, "the number of heads");
  const width = b.fixed(query.type.shape[3], layer, "the width of a head");
  const shared = b.fixed(key.type.shape[2], layer, "the number of key heads");
  const group = heads / shared;
  const q = group === 1 ? transposed(b, `${layer}/q`, query, [0, 2, 1, 3]) : grouped(b, layer, query, shared);
  // Keys come out ready for the product: [N, heads, width, places].
  const k = transposed(b, `${layer}/k`, key, [0, 2, 3, 1]);
  const v = transposed(b, `${layer}/v`, value, [0, 2, 1, 3]);
  const scaled = b.node("Mul", `${layer}/scaled`, [q, b.scalar(`${layer}/scale`, 1 / Math.sqrt(width))], {});
  const scores = b.node("MatMul", `${layer}/products`, [scaled, k], {});
  const allowed = masked(b, layer, scores, { ...parts, group });
  const weights = b.node("Softmax", `${layer}/weights`, [allowed], { axis: -1 });
  const kept = droppedOut(b, weights, `${layer}/dropout`, parts.dropout);
  const mixed = b.node("MatMul", `${layer}/mix`, [kept, v], {});
  if (group === 1) {
    const back = transposed(b, `${layer}/mixed`, mixed, [0, 2, 1, 3]);
    return reshapeTo(b, `${layer}/merged`, back, [0, 0, heads * width]);
  }
  const positions = b.fixed(query.type.shape[1], layer, "the position axis");
  const apart = reshapeTo(b, `${layer}/apart`, mixed, [0, shared, group, positions, width]);
  const back = transposed(b, `${layer}/mixed`, apart, [0, 3, 1, 2, 4]);
  return reshapeTo(b, `${layer}/merged`, back, [0, positions, heads * width]);
}

/** The queries that share a key head one after another, so that no key is copied: [N, shared, group · positions, width]. */
function grouped(b: GraphBuilder, layer: string, query: Value, shared: number): Value {
  const [, positions, heads, width] = query.type.shape.map((dim, axis) =>
    axis === 0 ? 0 : b.fixed(dim, layer, "each axis of the queries but the first"),
  );
  const group = (heads ?? 1) / shared;
  const split = reshapeTo(b, `${layer}/groups`, query, [0, positions ?? 1, shared, group, width ?? 1]);
  const moved = transposed(b, `${layer}/q`, split, [0, 2, 3, 1, 4]);
  return reshapeTo(b, `${layer}/q/joined`, moved, [0, shared, group * (positions ?? 1), width ?? 1]);
}

function masked(
  b: GraphBuilder,
  layer: string,
  scores: Value,
  { query, key, causal, mask, group }: DotProduct & { readonly group: number },
): Value {
  if (causal !== true && mask === undefined) return scores;
  const masks: Value[] = [];
  if (causal === true) {
    const positions = b.fixed(query.type.shape[1], layer, "the position axis");
    const places = b.fixed(key.type.shape[1], layer, "the position axis of the keys");
    const seen = causalMask(positions, places, group);
    if (mask === undefined) return b.node("Add", `${layer}/allowed`, [scores, blocks(b, layer, seen)], {});
    masks.push(b.constant(`${layer}/mask`, seen));
  }
  if (mask !== undefined) masks.push(spread(b, layer, mask));
  const [first = scores, second] = masks;
  const both = second === undefined ? first : b.node("And", `${layer}/seen`, [first, second], {});
  return b.node("Where", `${layer}/allowed`, [both, scores, b.scalar(`${layer}/blocked`, BLOCKED)], {});
}

/** What is added where nothing is known only at run time: a third of the time of Where, and its gradient costs nothing. */
function blocks(b: GraphBuilder, layer: string, { shape, data }: ReturnType<typeof causalMask>): Value {
  const added = Float32Array.from(data, (isSeen) => (isSeen === 1 ? 0 : BLOCKED));
  return b.constant(`${layer}/mask`, { dtype: "float32", shape, data: added });
}

function spread(b: GraphBuilder, layer: string, mask: Value): Value {
  if (mask.type.dtype !== "bool") throw b.invalid(layer, `its mask is ${mask.type.dtype}; it must be bool`);
  if (mask.type.shape.length !== 2) return mask;
  return b.node("Unsqueeze", `${layer}/places`, [mask, b.ints(`${layer}/places/axes`, [1, 2])], {});
}

/** With fewer positions than places, the last position stands at the last place. */
function causalMask(positions: number, places: number, group: number) {
  const data = Uint8Array.from({ length: group * positions * places }, (_, i) => {
    const position = Math.floor(i / places) % positions;
    return Number((i % places) - (places - positions) <= position);
  });
  return { dtype: "bool", shape: [1, 1, group * positions, places], data } as const;
}

function transposed(b: GraphBuilder, name: string, x: Value, perm: readonly number[]): Value {
  return b.node("Transpose", name, [x], { perm });
}
