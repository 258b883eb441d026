/** Fully connected layers. */
import type { GraphBuilder, Value } from "../graph-builder.ts";
import { kaimingUniform } from "../initialization.ts";
import { type WeightOptions, weightAndBias } from "./options.ts";

export interface LinearOptions extends WeightOptions {
  readonly outFeatures: number;
  /** Gaussian weights with this deviation and a bias of 0, in place of PyTorch's default. */
  readonly deviation?: number;
}

/** float32[…, in] → float32[…, out]; weight [out, in]. */
export function linear(b: GraphBuilder, x: Value, options: LinearOptions): Value {
  const layer = b.layerName("linear", options.name);
  const { outFeatures, deviation } = options;
  const inFeatures = b.fixed(x.type.shape.at(-1), layer, "the last axis");
  const initial = deviation === undefined ? {} : { weight: { deviation }, bias: { fill: 0 } };
  const [weight, ...bias] = weightAndBias(
    b,
    layer,
    { ...options, initial: { ...initial, ...options.initial } },
    { shape: [outFeatures, inFeatures], features: outFeatures, drawn: kaimingUniform(inFeatures) },
  );
  return affine(b, layer, x, weight, bias[0]);
}

/** x · weightᵀ + bias: one Gemm for a matrix, a product and a sum for more axes. */
export function affine(b: GraphBuilder, layer: string, x: Value, weight: Value, bias?: Value): Value {
  if (x.type.shape.length === 2) {
    const inputs = bias === undefined ? [x, weight] : [x, weight, bias];
    return b.node("Gemm", layer, inputs, { alpha: 1, beta: 1, transA: 0, transB: 1 });
  }
  const transposed = b.node("Transpose", `${layer}/weight`, [weight], { perm: [1, 0] });
  const product = b.node("MatMul", bias === undefined ? layer : `${layer}/product`, [x, transposed], {});
  return bias === undefined ? product : b.node("Add", layer, [product, bias], {});
}
