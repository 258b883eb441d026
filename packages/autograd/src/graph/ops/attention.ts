/** Attention, and the turns that tell it positions. */
import { arity, float, int, type OpSpecs } from "./spec.ts";

export interface AttentionAttributes {
  /**
   * q, k, v, mask? (bool: which keys count; or added to the scores), each [B, heads, length, width], or
   * [B, length, heads · width] with the numbers of heads given. Several heads of q may share one of k and v.
   */
  Attention: {
    readonly is_causal: number;
    readonly kv_num_heads?: number;
    readonly q_num_heads?: number;
    /** 1/√width where it is left out. */
    readonly scale?: number;
    readonly softcap: number;
  };
  /** x, cosines, sines, positions? int64[B, length]; without positions the tables are [B, length, width / 2]. */
  RotaryEmbedding: {
    readonly interleaved: number;
    readonly num_heads: number;
    /** How many numbers of each head are turned; 0: all. */
    readonly rotary_embedding_dim: number;
  };
}

const optionalInt = { kind: "int", presence: "optional" } as const;

export const attentionOps: OpSpecs<AttentionAttributes> = {
  Attention: {
    ...arity(3, 4, {
      is_causal: int(0),
      kv_num_heads: optionalInt,
      q_num_heads: optionalInt,
      scale: { kind: "float", presence: "optional" },
      softcap: float(0),
    }),
    since: 23,
  },
  RotaryEmbedding: {
    ...arity(3, 4, { interleaved: int(0), num_heads: int(0), rotary_embedding_dim: int(0) }),
    since: 23,
  },
};
