/** Attention, score by score. */
import type { AttentionAttributes } from "../graph/ops/attention.ts";
import type { Evaluations, Step } from "./step.ts";
import { broadcastFrom, isReals, type Reals, type ReferenceValue, reals } from "./value.ts";

/** A tensor of heads, wherever they lie. */
interface Heads {
  readonly batch: number;
  readonly heads: number;
  readonly length: number;
  readonly width: number;
  at(batch: number, head: number, position: number, i: number): number;
}

export const attentionEvaluations: Evaluations<keyof AttentionAttributes> = {
  Attention: attend,
  RotaryEmbedding: turn,
};

function headsOf({ shape }: Reals, given: number): Heads {
  const [batch, second, third] = [shape[0]!, shape[1]!, shape[2]!];
  if (shape.length === 4) {
    const width = shape[3]!;
    const at = (b: number, h: number, t: number, i: number) => ((b * second + h) * third + t) * width + i;
    return { batch, heads: second, length: third, width, at };
  }
  const width = third / given;
  const at = (b: number, h: number, t: number, i: number) => (b * second + t) * third + h * width + i;
  return { batch, heads: given, length: second, width, at };
}

function attend(step: Step<"Attention">): readonly ReferenceValue[] {
  const { attributes } = step;
  const [qs, ks, vs] = [step.reals(0), step.reals(1), step.reals(2)];
  const q = headsOf(qs, attributes.q_num_heads ?? 1);
  const [k, v] = [ks, vs].map((value) => headsOf(value, attributes.kv_num_heads ?? 1));
  const scale = attributes.scale ?? 1 / Math.sqrt(q.width);
  const sharing = q.heads / k!.heads;
  const bias = biasOf(step, [q.batch, q.heads, q.length, k!.length]);
  const y = new Float64Array(q.batch * q.heads * q.length * v!.width);
  const out = headsOf({ ...qs, shape: step.shape() }, q.heads);
  for (let b = 0; b < q.batch; b++) {
    for (let h = 0; h < q.heads; h++) {
      const shared = Math.trunc(h / sharing);
      for (let t = 0; t < q.length; t++) {
        const scores = Array.from({ length: k!.length }, (_, s) => {
          let dot = 0;
          for (let i = 0; i < q.width; i++)
            dot += qs.data[q.at(b, h, t, i)]! * ks.data[k!.at(b, shared, s, i)]!;
          const { softcap } = attributes;
          const score = scale * dot;
          const capped = softcap === 0 ? score : softcap * Math.tanh(score / softcap);
          return capped + bias(b, h, t, s);
        });
        const top = Math.max(...scores);
        const shares = scores.map((score) => Math.exp(score - top));
        const total = shares.reduce((sum, share) => sum + share, 0);
        for (let i = 0; i < v!.width; i++) {
          const mixed = shares.reduce((sum, share, s) => sum + share * vs.data[v!.at(b, shared, s, i)]!, 0);
          y[out.at(b, h, t, i)] = mixed / total;
        }
      }
    }
  }
  return [reals(qs.dtype, step.shape(), (i) => y[i]!)];
}

/** What is added to a score: the mask, and −∞ for later keys where only earlier ones count. */
function biasOf(step: Step<"Attention">, scores: readonly number[]) {
  const mask = step.has(3) ? step.x(3) : undefined;
  const from = mask && broadcastFrom(mask.shape, scores);
  const [, heads = 1, queries = 1, keys = 1] = scores;
  return (b: number, h: number, t: number, s: number): number => {
    if (step.attributes.is_causal !== 0 && s > t) return Number.NEGATIVE_INFINITY;
    if (mask === undefined || from === undefined) return 0;
    const value = mask.data[from(((b * heads + h) * queries + t) * keys + s)]!;
    if (isReals(mask)) return Number(value);
    return value === 0n ? Number.NEGATIVE_INFINITY : 0;
  };
}

function turn(step: Step<"RotaryEmbedding">): readonly ReferenceValue[] {
  const { interleaved, num_heads, rotary_embedding_dim: given } = step.attributes;
  const x = step.reals();
  const { batch, heads, length, width, at } = headsOf(x, num_heads);
  const [cosines, sines] = [step.reals(1).data, step.reals(2).data];
  const positions = step.has(3) ? step.numbers(3) : undefined;
  const half = (given === 0 ? width : given) / 2;
  const y = Float64Array.from(x.data);
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      for (let t = 0; t < length; t++) {
        const row = positions === undefined ? b * length + t : positions[b * length + t]!;
        for (let i = 0; i < half; i++) {
          const [cos, sin] = [cosines[row * half + i]!, sines[row * half + i]!];
          const [p, q] = interleaved === 0 ? [i, half + i] : [2 * i, 2 * i + 1];
          const [a, c] = [x.data[at(b, h, t, p)]!, x.data[at(b, h, t, q)]!];
          y[at(b, h, t, p)] = a * cos - c * sin;
          y[at(b, h, t, q)] = a * sin + c * cos;
        }
      }
    }
  }
  return [{ dtype: x.dtype, shape: x.shape, data: y }];
}
