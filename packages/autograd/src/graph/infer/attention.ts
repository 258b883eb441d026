/** Types of attention. */
import { divideExactly, mulDims } from "../dim.ts";
import { showShape } from "../fault.ts";
import type { AttentionAttributes } from "../ops/attention.ts";
import type { Dim } from "../tensor.ts";
import { FLOATS, INDICES, type Rules, type Site } from "./site.ts";

export const attention: Rules<keyof AttentionAttributes> = {
  Attention: (site) => {
    const inputs = [0, 1, 2].map((i) => site.input(i, FLOATS));
    const dtype = site.sameDType(inputs);
    const { q_num_heads: own = 0, kv_num_heads: shared = 0 } = site.attributes;
    const [q, k, v] = [own, shared, shared].map((heads, i) => headsOf(site, i, heads));
    if (q === undefined || k === undefined || v === undefined) throw site.illegal("it has no q, k and v");
    if (new Set(inputs.map(({ shape }) => shape.length)).size > 1)
      throw site.shape("q, k and v differ in rank");
    const batch = site.unify(
      q.batch,
      site.unify(k.batch, v.batch, "the batches differ"),
      "the batches differ",
    );
    site.unify(q.width, k.width, "q and k differ in width");
    const keys = site.unify(k.length, v.length, "k and v differ in length");
    site.unify(k.heads, v.heads, "k and v differ in heads");
    if (typeof q.heads === "number" && typeof k.heads === "number" && q.heads % k.heads !== 0)
      throw site.shape(`${q.heads} heads of q do not share ${k.heads} of k and v evenly`);
    if (site.has(3)) {
      const mask = site.input(3, [...FLOATS, "bool"]);
      const scores = [batch, q.heads, q.length, keys];
      const spread = site.broadcast([mask, { dtype, shape: scores }]);
      if (spread.length > scores.length)
        throw site.shape(`the mask ${showShape(mask.shape)} has too many axes`);
    }
    if (inputs[0]?.shape.length === 4) return [{ dtype, shape: [batch, q.heads, q.length, v.width] }];
    return [{ dtype, shape: [batch, q.length, site.dimOr(mulDims(q.heads, v.width))] }];
  },
  RotaryEmbedding: (site) => {
    const x = site.input(0, FLOATS);
    const { num_heads: heads, rotary_embedding_dim: given } = site.attributes;
    const { batch, length, width } = headsOf(site, 0, heads);
    const turned = given === 0 ? width : given;
    const half = site.dimOr(divideExactly(turned, 2));
    const lead = site.has(3) ? [site.fresh()] : [batch, length];
    for (const table of [1, 2]) {
      const { shape } = site.rank(table, lead.length + 1);
      [...lead, half].forEach((dim, axis) => {
        site.unify(shape[axis] ?? dim, dim, `the table of input ${table} does not fit on axis ${axis}`);
      });
    }
    if (site.has(3)) {
      site.input(3, INDICES);
      const { shape } = site.rank(3, 2);
      site.unify(shape[0] ?? 1, batch, "the positions and x differ in batch");
      site.unify(shape[1] ?? 1, length, "the positions and x differ in length");
    }
    return [x];
  },
};

interface Heads {
  readonly batch: Dim;
  readonly heads: Dim;
  readonly length: Dim;
  readonly width: Dim;
}

function headsOf(site: Site<"Attention"> | Site<"RotaryEmbedding">, input: number, heads: number): Heads {
  const { shape } = site.input(input, FLOATS);
  const [first = 1, second = 1, third = 1, fourth = 1] = shape;
  if (shape.length === 4) return { batch: first, heads: second, length: third, width: fourth };
  if (shape.length !== 3) throw site.shape(`input ${input} ${showShape(shape)} must have 3 or 4 axes`);
  if (heads < 1) throw site.attribute(`input ${input} has 3 axes, and the number of heads is not given`);
  const width = divideExactly(third, heads);
  if (width === undefined && typeof third === "number")
    throw site.shape(`${third} numbers do not split into ${heads} heads`);
  return { batch: first, heads, length: second, width: site.dimOr(width) };
}
