/** Clipping by the norm of all gradients together, as PyTorch's clip_grad_norm_. */
import type { Emitter, Value } from "../rules/emitter.ts";

/** PyTorch's, so that a gradient of zero divides nothing by zero. */
const NORM_MIN = 1e-6;

export function clipByNorm(emit: Emitter, gradients: readonly Value[], normMax: number): readonly Value[] {
  const attributes = { keepdims: 0, noop_with_empty_axes: 0 };
  const squares = gradients.map((gradient) =>
    emit.node("ReduceSumSquare", [gradient], attributes, "float32", []),
  );
  const norm = emit.unary("Sqrt", emit.node("Sum", squares, {}, "float32", []));
  const factor = emit.div(emit.scalar(normMax), emit.shift(norm, NORM_MIN));
  const share = emit.binary("Min", factor, emit.scalar(1));
  return gradients.map((gradient) => emit.mul(gradient, share));
}
