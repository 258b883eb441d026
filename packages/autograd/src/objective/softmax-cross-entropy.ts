/**
 * Softmax cross-entropy of logits against class numbers.
 *
 * With z the logits of a position, t its class: ℓ = −(ln softmax(z))_t, and ∂ℓ/∂z = softmax(z) − onehot(t).
 * ln softmax is computed as one operator that subtracts the maximum first, so large logits do not overflow.
 */
import { at, type Emitter, equalShapes, range, sizeOf, type Value } from "../rules/emitter.ts";

export interface CrossEntropy {
  /** f32[positions] */
  readonly losses: Value;
  /** bool[positions]: the largest logit is the target's. */
  readonly correct: Value;
  /** f32[], the mean over all positions. */
  readonly loss: () => Value;
  /** f32, of the logits' shape: the gradient of the mean. */
  readonly gradient: () => Value;
}

/**
 * The class axis for a target's shape: the last if the rest fits, else axis 1 (images as [N, C, …]); undefined if
 * neither fits.
 */
export function classAxis(logits: readonly number[], target: readonly number[]): number | undefined {
  return [logits.length - 1, 1].find(
    (axis) => axis >= 1 && axis < logits.length && equalShapes(logits.toSpliced(axis, 1), target),
  );
}

/**
 * @param logits  f32[B, …, C] or f32[B, C, …]
 * @param target  int64[B, …], each 0 ≤ t < C
 * @param axis    of the classes, see classAxis
 */
export function softmaxCrossEntropy(emit: Emitter, logits: Value, target: Value, axis: number): CrossEntropy {
  const rank = logits.shape.length;
  const classes = at(logits.shape, axis);
  const positions = sizeOf(target.shape);
  const toLast = [...range(rank).filter((i) => i !== axis), axis];
  const back = range(rank).map((i) => toLast.indexOf(i));
  const last = emit.transpose(logits, toLast);
  const flat = emit.reshape(last, [positions, classes]);
  const labels = emit.reshape(target, [positions]);
  const logs = emit.node("LogSoftmax", [flat], { axis: 1 }, "float32", flat.shape);
  const column = emit.reshape(labels, [positions, 1]);
  const picked = emit.node("GatherElements", [logs, column], { axis: 1 }, "float32", [positions, 1]);
  const losses = emit.neg(emit.reshape(picked, [positions]));
  const attributes = { axis: 1, keepdims: 0, select_last_index: 0 };
  const best = emit.node("ArgMax", [flat], attributes, "int64", [positions]);
  return {
    losses,
    correct: emit.compare("Equal", best, labels),
    loss: () => emit.mean(losses, [0]),
    gradient: () => {
      const values = emit.constant({ dtype: "float32", shape: [2], data: Float32Array.of(0, 1) });
      const hot = emit.node(
        "OneHot",
        [labels, emit.scalar(classes, "int64"), values],
        { axis: -1 },
        "float32",
        flat.shape,
      );
      const difference = emit.sub(emit.unary("Exp", logs), hot);
      const gradient = emit.scale(difference, 1 / positions);
      return emit.transpose(emit.reshape(gradient, last.shape), back);
    },
  };
}
