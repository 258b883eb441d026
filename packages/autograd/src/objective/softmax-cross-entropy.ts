/**
 * Softmax cross-entropy of logits against class numbers, with class weights, an ignored label and smoothing.
 *
 * With z the logits of a position, t its class and q its target distribution, ℓ = −Σ q·ln softmax(z) and
 * ∂ℓ/∂z = (Σq)·softmax(z) − q. Plain: q = onehot(t). With smoothing α and weights w, as PyTorch has it:
 * q_c = (1 − α)·w_t·[c = t] + α·w_c/C, and the mean divides by Σ w_t.
 * ln softmax is computed as one operator that subtracts the maximum first, so large logits do not overflow.
 *
 * A label that is no class ends the call: its row would else be trained towards nothing, or, counted from the end as ONNX
 * does with −1, towards another class.
 */
import type { LossSettings } from "@pingo/core";
import { at, type Emitter, type Value } from "../rules/emitter.ts";
import {
  classAxis,
  type EmittedObjective,
  type ObjectiveRule,
  rowsOfClasses,
  weightedMean,
  weightSum,
} from "./objective.ts";

export const softmaxCrossEntropy: ObjectiveRule = {
  target: "classes",
  applies: "Softmax",
  bind({ output, target, settings }) {
    // A column of labels, [rows, 1], stands for [rows].
    const squeezed = target.length === 2 && target[1] === 1 ? target.slice(0, 1) : target;
    for (const targetShape of [target, squeezed]) {
      const axis = classAxis(output, targetShape);
      if (axis === undefined) continue;
      const [classes, weights] = [at(output, axis), settings.classWeights];
      if (weights !== undefined && weights.length !== classes) {
        return { why: `it has ${classes} classes, and there are ${weights.length} class weights` };
      }
      return {
        targetShape,
        emit: (emit, logits, labels) => crossEntropy(emit, { logits, labels, axis, settings }),
      };
    }
    return {
      why: `it is [${output}] for targets of [${target}]; wanted is one more axis, the classes`,
    };
  },
};

interface CrossEntropySite {
  /** f32[B, …, C] or f32[B, C, …] */
  readonly logits: Value;
  /** int64[B, …], each 0 ≤ t < C or the ignored label; another one ends the call */
  readonly labels: Value;
  readonly axis: number;
  readonly settings: LossSettings;
}

function crossEntropy(emit: Emitter, site: CrossEntropySite): EmittedObjective {
  const { rows: scores, back } = rowsOfClasses(emit, site.logits, site.axis);
  const positions = at(scores.shape, 0);
  const given = emit.reshape(site.labels, [positions]);
  const { ignoreIndex, classWeights, labelSmoothing = 0 } = site.settings;
  const counted =
    ignoreIndex === undefined
      ? undefined
      : emit.node("Not", [emit.compare("Equal", given, emit.scalar(ignoreIndex, "int64"))], {}, "bool", [
          positions,
        ]);
  const meant = counted === undefined ? given : emit.where(counted, given, emit.scalar(0, "int64"));
  const labels = labelsOrEnd(emit, meant, at(scores.shape, 1));
  const logs = emit.node("LogSoftmax", [scores], { axis: 1 }, "float32", scores.shape);
  const attributes = { axis: 1, keepdims: 0, select_last_index: 0 };
  const best = emit.node("ArgMax", [scores], attributes, "int64", [positions]);
  const correct = emit.compare("Equal", best, labels);
  if (counted === undefined && classWeights === undefined && labelSmoothing === 0) {
    return { correct, ...plain(emit, logs, labels, back) };
  }
  const classes = at(scores.shape, 1);
  const all =
    classWeights &&
    emit.constant({ dtype: "float32", shape: [classes], data: Float32Array.from(classWeights) });
  // It is this gather that ends the call: OneHot leaves the row of a label past the last class empty.
  const own = emit.gather(all ?? emit.expand(emit.scalar(1), [classes]), labels, 0);
  const weights = counted === undefined ? own : emit.mul(own, emit.cast(counted, "float32"));
  const hot = emit.mul(oneHot(emit, labels, classes, 1 - labelSmoothing), emit.reshape(own, [positions, 1]));
  const spread = all ? emit.scale(all, labelSmoothing / classes) : emit.scalar(labelSmoothing / classes);
  const wanted = labelSmoothing === 0 ? hot : emit.add2(hot, spread);
  const kept =
    counted === undefined
      ? wanted
      : emit.mul(wanted, emit.reshape(emit.cast(counted, "float32"), [positions, 1]));
  const losses = emit.neg(emit.sum(emit.mul(kept, logs), [1]));
  return {
    correct,
    losses,
    weights,
    ...(counted && { counted }),
    loss: () => weightedMean(emit, losses, weights),
    gradient: () => {
      const pulled = emit.mul(emit.unary("Exp", logs), emit.sum(kept, [1], 1));
      return back(emit.div(emit.sub(pulled, kept), weightSum(emit, weights)));
    },
  };
}

/** Labels by which every gather ends the call if one is no class: a negative one would be counted from the end. */
export function labelsOrEnd(emit: Emitter, labels: Value, classes: number): Value {
  const isNegative = emit.compare("Less", labels, emit.scalar(0, "int64"));
  return emit.where(isNegative, emit.scalar(classes, "int64"), labels);
}

/** Every position counts once: one gather in place of a product over all classes. */
function plain(emit: Emitter, logs: Value, labels: Value, back: (rows: Value) => Value) {
  const positions = at(logs.shape, 0);
  const column = emit.reshape(labels, [positions, 1]);
  const picked = emit.node("GatherElements", [logs, column], { axis: 1 }, "float32", [positions, 1]);
  const losses = emit.neg(emit.reshape(picked, [positions]));
  return {
    losses,
    loss: () => emit.mean(losses, [0]),
    gradient: () => {
      // One place of each row: a fifth of the time of a subtraction of one-hot rows.
      const pulled = emit.scale(emit.unary("Exp", logs), 1 / positions);
      const pushes = emit.expand(emit.scalar(-1 / positions), [positions, 1]);
      return back(emit.scatterElements(pulled, column, pushes, 1, "add"));
    },
  };
}

function oneHot(emit: Emitter, labels: Value, classes: number, height: number): Value {
  const values = emit.constant({ dtype: "float32", shape: [2], data: Float32Array.of(0, height) });
  const inputs = [labels, emit.scalar(classes, "int64"), values];
  return emit.node("OneHot", inputs, { axis: -1 }, "float32", [at(labels.shape, 0), classes]);
}
