/** Gradient cases of: attention, and the turns that tell it positions. */
import type { AttentionAttributes } from "../../../src/graph/ops/attention.ts";
import { bool } from "../../run-graph.ts";
import type { GradientCases } from "../check.ts";
import type { Draw } from "../draw.ts";

type Sizes = readonly [number, number, number, number];

/** Heads apart, or side by side. */
function heads(draw: Draw, isFlat: boolean, [batch, count, length, width]: Sizes) {
  return draw.signed(isFlat ? [batch, length, count * width] : [batch, count, length, width]);
}

export const attentionCases: GradientCases<keyof AttentionAttributes> = {
  Attention: (draw) => {
    const isFlat = draw.int(0, 1) === 0;
    const shared = draw.int(1, 2);
    const own = shared * draw.int(1, 2);
    const [batch, queries, keys] = [draw.int(1, 2), draw.int(1, 4), draw.int(1, 4)];
    const [width, last] = [draw.int(1, 4), draw.int(1, 4)];
    const q = heads(draw, isFlat, [batch, own, queries, width]);
    const k = heads(draw, isFlat, [batch, shared, keys, width]);
    const v = heads(draw, isFlat, [batch, shared, keys, last]);
    const counts = Array.from({ length: queries * keys }, (_, i) => (i % keys === 0 ? 1 : draw.int(0, 1)));
    const mask = draw.pick(["", draw.signed([queries, keys]), bool([queries, keys], counts)] as const);
    const attributes = {
      is_causal: draw.int(0, 1),
      ...(isFlat ? { q_num_heads: own, kv_num_heads: shared } : {}),
      ...(draw.int(0, 1) === 0 ? { scale: 0.5 } : {}),
      softcap: draw.int(0, 1) === 0 ? 2 : 0,
    };
    return { inputs: [q, k, v, mask], attributes };
  },
  RotaryEmbedding: (draw) => {
    const isFlat = draw.int(0, 1) === 0;
    const [batch, count, length, half] = [draw.int(1, 2), draw.int(1, 3), draw.int(1, 4), draw.int(1, 3)];
    const rest = draw.pick([0, 2]);
    const x = heads(draw, isFlat, [batch, count, length, 2 * half + rest]);
    const attributes = {
      interleaved: draw.int(0, 1),
      num_heads: isFlat ? count : 0,
      rotary_embedding_dim: rest === 0 ? 0 : 2 * half,
    };
    const tables = (lead: readonly number[]) => [draw.signed([...lead, half]), draw.signed([...lead, half])];
    if (draw.int(0, 1) === 0) return { inputs: [x, ...tables([batch, length])], attributes };
    return { inputs: [x, ...tables([6]), draw.indices([batch, length], 6)], attributes };
  },
};
