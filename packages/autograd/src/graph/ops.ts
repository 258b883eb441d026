/**
 * The op set: every operator the engine knows, with its attributes (ONNX names, meaning as of CANONICAL_OPSET).
 *
 * One table, OPS, assembled from the families in ops/, is read by the reader (defaults, kinds), the verifier (arity)
 * and the writer. Attributes without `?` are always present in a Graph: the reader fills in defaults, and derives
 * from shapes what ONNX leaves out (`kernel_shape`, `strides`, `dilations`, `pads`, `perm`). ONNX booleans stay
 * numbers, 0 or 1. Axes may be negative, counted from the end. `auto_pad` never appears: the reader turns it into
 * `pads`. An operator added here does not compile until it has its row in INFER (infer.ts), EVALUATE
 * (reference/evaluate.ts), BACKWARD (rules/backward.ts) and in the cases of the tests: testing/op-cases.ts and
 * test/gradients/cases.ts.
 * SOURCE: https://onnx.ai/onnx/operators/
 */
import { type AttentionAttributes, attentionOps } from "./ops/attention.ts";
import { type ControlAttributes, controlOps } from "./ops/control.ts";
import { type ConvolutionAttributes, convolutionOps } from "./ops/convolution.ts";
import { type ElementwiseAttributes, elementwiseOps } from "./ops/elementwise.ts";
import { type IndexingAttributes, indexingOps } from "./ops/indexing.ts";
import { type LinalgAttributes, linalgOps } from "./ops/linalg.ts";
import { type LossAttributes, lossOps } from "./ops/loss.ts";
import { type MovementAttributes, movementOps } from "./ops/movement.ts";
import { type NormalizationAttributes, normalizationOps } from "./ops/normalization.ts";
import { type PoolingAttributes, poolingOps } from "./ops/pooling.ts";
import { type RecurrentAttributes, recurrentOps } from "./ops/recurrent.ts";
import { type ReductionAttributes, reductionOps } from "./ops/reduction.ts";
import { type SamplingAttributes, samplingOps } from "./ops/sampling.ts";
import type { OpSpec } from "./ops/spec.ts";

export interface OpAttributes
  extends ElementwiseAttributes,
    ReductionAttributes,
    LinalgAttributes,
    ConvolutionAttributes,
    PoolingAttributes,
    NormalizationAttributes,
    RecurrentAttributes,
    AttentionAttributes,
    LossAttributes,
    SamplingAttributes,
    MovementAttributes,
    IndexingAttributes,
    ControlAttributes {}

export type OpKind = keyof OpAttributes;

export const OPS: { readonly [K in OpKind]: OpSpec<OpAttributes[K]> } = {
  ...elementwiseOps,
  ...reductionOps,
  ...linalgOps,
  ...convolutionOps,
  ...poolingOps,
  ...normalizationOps,
  ...recurrentOps,
  ...attentionOps,
  ...lossOps,
  ...samplingOps,
  ...movementOps,
  ...indexingOps,
  ...controlOps,
};

export function isOpKind(name: string): name is OpKind {
  return Object.hasOwn(OPS, name);
}
