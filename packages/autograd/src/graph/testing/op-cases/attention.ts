/** Cases of: attention, and the turns that tell it positions. */
import type { AttentionAttributes } from "../../ops/attention.ts";
import { type Draw, input, LEFT_OUT, type OpCases, type OpInput } from "./draw.ts";

/** Heads apart, or side by side. */
function heads(
  r: Draw,
  isFlat: boolean,
  [batch, count, length, width]: readonly [number, number, number, number],
) {
  return r.floats(isFlat ? [batch, length, count * width] : [batch, count, length, width]);
}

/** Which keys count, the first one always. */
function mask(r: Draw, shape: readonly number[], keys: number): OpInput {
  const { tensor } = r.bools(shape);
  const values = Array.from(tensor.data, Number).map((one, i) => (i % keys === 0 ? 1 : one));
  return input(shape, "bool", values);
}

export const attentionCases: OpCases<keyof AttentionAttributes> = {
  Attention: (r) => {
    const isFlat = r.flag();
    const shared = r.int(1, 2);
    const own = shared * r.int(1, 2);
    const [batch, queries, keys, width, last] = [
      r.int(1, 2),
      r.int(1, 4),
      r.int(1, 4),
      r.int(1, 4),
      r.int(1, 4),
    ];
    const masks = [LEFT_OUT, r.floats([queries, keys]), r.floats([batch, 1, queries, keys])];
    const chosen = r.pick<OpInput | undefined>(LEFT_OUT, ...masks, mask(r, [queries, keys], keys));
    const inputs = [
      heads(r, isFlat, [batch, own, queries, width]),
      heads(r, isFlat, [batch, shared, keys, width]),
      heads(r, isFlat, [batch, shared, keys, last]),
    ];
    const attributes = {
      is_causal: r.bit(),
      ...(isFlat ? { q_num_heads: own, kv_num_heads: shared } : {}),
      ...(r.flag() ? { scale: 0.5 } : {}),
      softcap: r.flag() ? 2 : 0,
    };
    return { inputs: chosen === undefined ? inputs : [...inputs, chosen], attributes };
  },
  RotaryEmbedding: (r) => {
    const isFlat = r.flag();
    const [batch, count, length, half] = [r.int(1, 2), r.int(1, 3), r.int(1, 4), r.int(1, 3)];
    const rest = r.flag() ? 2 : 0;
    const x = heads(r, isFlat, [batch, count, length, 2 * half + rest]);
    const attributes = {
      interleaved: r.bit(),
      num_heads: isFlat ? count : 0,
      rotary_embedding_dim: rest === 0 ? 0 : 2 * half,
    };
    if (r.flag())
      return { inputs: [x, r.floats([batch, length, half]), r.floats([batch, length, half])], attributes };
    const tables = [r.floats([6, half]), r.floats([6, half])];
    return { inputs: [x, ...tables, r.indices([batch, length], 6)], attributes };
  },
};
