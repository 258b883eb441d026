/** Normalizations. */
import type { NormalizationAttributes } from "../graph/ops/normalization.ts";
import type { Evaluations, Step } from "./step.ts";
import { broadcastFrom, groupsAlong, type Reals, type ReferenceValue, reals, sizeOf } from "./value.ts";

interface Moments {
  readonly mean: number;
  /** Of the population: divided by the count. */
  readonly variance: number;
}

function momentsOf(data: Float64Array, places: readonly number[]): Moments {
  const mean = places.reduce((sum, at) => sum + data[at]!, 0) / places.length;
  return { mean, variance: places.reduce((sum, at) => sum + (data[at]! - mean) ** 2, 0) / places.length };
}

/** (x − mean) / √(variance + ε), the moments taken where `groupOf` says. */
function normalized(
  x: Reals,
  moments: readonly Moments[],
  groupOf: (flat: number) => number,
  epsilon: number,
): Reals {
  return reals(x.dtype, x.shape, (i) => {
    const { mean, variance } = moments[groupOf(i)]!;
    return (x.data[i]! - mean) / Math.sqrt(variance + epsilon);
  });
}

export const normalizationEvaluations: Evaluations<keyof NormalizationAttributes> = {
  BatchNormalization: batchNormalization,
  InstanceNormalization: (step) => {
    const x = step.reals();
    const spatial = x.shape.map((_, axis) => axis).slice(2);
    const moments = groupsAlong(x.shape, spatial).map((places) => momentsOf(x.data, places));
    const size = sizeOf(x.shape.slice(2));
    const z = normalized(x, moments, (i) => Math.trunc(i / size), step.attributes.epsilon);
    return [affine(step, z, channelOf(x.shape))];
  },
  GroupNormalization: (step) => {
    const x = step.reals();
    const { num_groups: groups, epsilon } = step.attributes;
    const size = sizeOf(x.shape.slice(1)) / groups;
    const grouped = [x.shape[0]! * groups, size];
    const moments = groupsAlong(grouped, [1]).map((places) => momentsOf(x.data, places));
    const z = normalized(x, moments, (i) => Math.trunc(i / size), epsilon);
    return [affine(step, z, channelOf(x.shape))];
  },
  RMSNormalization: (step) => {
    const x = step.reals();
    const size = sizeOf(x.shape.slice(step.axis(step.attributes.axis)));
    const squares = groupsAlong([x.data.length / size, size], [1]).map(
      (places) => places.reduce((sum, at) => sum + x.data[at]! ** 2, 0) / size,
    );
    const { epsilon } = step.attributes;
    const z = reals(
      x.dtype,
      x.shape,
      (i) => x.data[i]! / Math.sqrt(squares[Math.trunc(i / size)]! + epsilon),
    );
    return [affine(step, z, broadcastFrom(step.x(1).shape, x.shape))];
  },
  LpNormalization: (step) => {
    const { dtype, shape, data } = step.reals();
    const y = new Float64Array(data.length);
    for (const places of groupsAlong(shape, [step.axis(step.attributes.axis)])) {
      const norm =
        step.attributes.p === 1
          ? places.reduce((sum, at) => sum + Math.abs(data[at]!), 0)
          : Math.sqrt(places.reduce((sum, at) => sum + data[at]! ** 2, 0));
      for (const at of places) y[at] = norm === 0 ? 0 : data[at]! / norm;
    }
    return [{ dtype, shape, data: y }];
  },
  LRN: (step) => {
    const { dtype, shape, data } = step.reals();
    const { alpha, beta, bias, size } = step.attributes;
    const [channels, inner] = [shape[1]!, sizeOf(shape.slice(2))];
    const before = Math.floor((size - 1) / 2);
    return [
      reals(dtype, shape, (i) => {
        const channel = Math.trunc(i / inner) % channels;
        let squares = 0;
        for (let c = channel - before; c < channel - before + size; c++) {
          if (c >= 0 && c < channels) squares += data[i + (c - channel) * inner]! ** 2;
        }
        return data[i]! / (bias + (alpha / size) * squares) ** beta;
      }),
    ];
  },
  // SOURCE: the function body of ONNX MeanVarianceNormalization-13, whose ε of 1e-9 is added to the deviation.
  MeanVarianceNormalization: (step) => {
    const { dtype, shape, data } = step.reals();
    const y = new Float64Array(data.length);
    const axes = step.attributes.axes.map((axis) => step.axis(axis));
    for (const places of groupsAlong(shape, axes)) {
      const { mean, variance } = momentsOf(data, places);
      for (const at of places) y[at] = (data[at]! - mean) / (Math.sqrt(variance) + 1e-9);
    }
    return [{ dtype, shape, data: y }];
  },
  LayerNormalization: (step) => {
    const x = step.reals();
    const axis = step.axis(step.attributes.axis);
    const size = sizeOf(x.shape.slice(axis));
    const axes = x.shape.map((_, i) => i).slice(axis);
    const moments = groupsAlong(x.shape, axes).map((places) => momentsOf(x.data, places));
    const z = normalized(x, moments, (i) => Math.trunc(i / size), step.attributes.epsilon);
    const kept = x.shape.map((dim, i) => (i < axis ? dim : 1));
    const { epsilon } = step.attributes;
    return [
      affine(step, z, broadcastFrom(step.x(1).shape, x.shape)),
      reals("float32", kept, (i) => moments[i]!.mean),
      reals("float32", kept, (i) => 1 / Math.sqrt(moments[i]!.variance + epsilon)),
    ];
  },
};

function channelOf(shape: readonly number[]): (flat: number) => number {
  const size = sizeOf(shape.slice(2));
  return (flat) => Math.trunc(flat / size) % shape[1]!;
}

/** z · scale + bias, inputs 1 and 2 of the node. */
function affine(step: Step, z: Reals, from: (flat: number) => number): Reals {
  const scale = step.reals(1).data;
  const bias = step.has(2) ? step.reals(2).data : new Float64Array(scale.length);
  return reals(z.dtype, z.shape, (i) => z.data[i]! * scale[from(i)]! + bias[from(i)]!);
}

function batchNormalization(step: Step<"BatchNormalization">): readonly ReferenceValue[] {
  const x = step.reals();
  const { epsilon, momentum, training_mode: training } = step.attributes;
  const [means, variances] = [step.reals(3), step.reals(4)];
  const others = x.shape.map((_, axis) => axis).filter((axis) => axis !== 1);
  const moments =
    training === 0
      ? Array.from(means.data, (mean, c): Moments => ({ mean, variance: variances.data[c]! }))
      : groupsAlong(x.shape, others).map((places) => momentsOf(x.data, places));
  const y = affine(step, normalized(x, moments, channelOf(x.shape), epsilon), channelOf(x.shape));
  if (training === 0) return [y];
  const follow = ({ dtype, shape, data }: Reals, of: (one: Moments) => number): Reals =>
    reals(dtype, shape, (c) => data[c]! * momentum + of(moments[c]!) * (1 - momentum));
  return [y, follow(means, ({ mean }) => mean), follow(variances, ({ variance }) => variance)];
}
