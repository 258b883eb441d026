/** First values of parameters, drawn from a seeded generator. */
import type { Prng } from "@pingo/core";
import { sizeOfShape } from "../graph/shape.ts";
import type { Tensor } from "../graph/tensor.ts";

export type Initialization =
  | { readonly fill: number }
  /** Uniform in ±bound. */
  | { readonly uniform: number }
  /** Gaussian around 0. */
  | { readonly deviation: number };

/**
 * What PyTorch draws for the weight and bias of a layer that sums over `fanIn` inputs: uniform in ±1/√fanIn.
 * SOURCE: Kaiming uniform with a = √5, He et al., 2015; torch.nn.Linear and Conv2d.
 */
export function kaimingUniform(fanIn: number): Initialization {
  return { uniform: 1 / Math.sqrt(fanIn) };
}

/** float32[shape] */
export function drawTensor(shape: readonly number[], initialization: Initialization, prng: Prng): Tensor {
  const data = new Float32Array(sizeOfShape(shape));
  if ("fill" in initialization) data.fill(initialization.fill);
  else if ("uniform" in initialization) {
    for (let i = 0; i < data.length; i++) data[i] = (2 * prng.float() - 1) * initialization.uniform;
  } else {
    for (let i = 0; i < data.length; i++) data[i] = gaussian(prng) * initialization.deviation;
  }
  return { dtype: "float32", shape, data };
}

// SOURCE: Box & Muller, 1958. 1 − u is never 0.
function gaussian(prng: Prng): number {
  return Math.sqrt(-2 * Math.log(1 - prng.float())) * Math.cos(2 * Math.PI * prng.float());
}
