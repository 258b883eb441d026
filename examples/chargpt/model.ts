/** A small GPT over characters: float32[batch, POSITIONS, vocabulary] scores of the character that comes next. */
import { defineModel, type Graph, transformerBlock } from "@pingo/autograd";

export interface GptSize {
  /** Characters that it looks back on, itself included. */
  readonly positions: number;
  readonly width: number;
  readonly heads: number;
  readonly layers: number;
}

/** 0.1 M weights: learns words in minutes on the cores of two old laptops. */
export const GPT_SIZE: GptSize = { positions: 64, width: 64, heads: 4, layers: 2 };

const DEVIATION = 0.02;

export function charGpt(vocabulary: number, size: GptSize = GPT_SIZE, seed = 1): Graph {
  const { positions, width, heads, layers } = size;
  const tokens = { dtype: "int64", shape: ["batch", positions] } as const;
  return defineModel({ name: "chargpt", seed, inputs: { tokens } }, (b, inputs) => {
    const characters = b.embedding(inputs.tokens, {
      name: "wte",
      count: vocabulary,
      width,
      deviation: DEVIATION,
    });
    let x = b.add(characters, b.parameter("wpe.weight", [positions, width], { deviation: DEVIATION }));
    for (let layer = 0; layer < layers; layer++) x = transformerBlock(b, x, { heads });
    return {
      logits: b.linear(b.layerNorm(x), {
        name: "head",
        outFeatures: vocabulary,
        bias: false,
        deviation: DEVIATION,
      }),
    };
  });
}
