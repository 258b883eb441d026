/** Cases of: normalizations. */
import type { NormalizationAttributes } from "../../ops/normalization.ts";
import { EPSILON, type OpCases } from "./draw.ts";
import { image } from "./window.ts";

export const normalizationCases: OpCases<keyof NormalizationAttributes> = {
  BatchNormalization: (r) => {
    const channels = r.int(1, 3);
    const training = r.bit();
    const inputs = [
      r.floats(image(r, channels, r.int(1, 2))),
      ...[1, 2, 3, 4].map(() => r.floats([channels])),
    ];
    return {
      inputs,
      attributes: { epsilon: EPSILON, momentum: 0.5, training_mode: training },
      outputs: training === 1 ? 3 : 1,
    };
  },
  InstanceNormalization: (r) => {
    const channels = r.int(1, 3);
    return {
      inputs: [r.floats(image(r, channels, 2)), r.floats([channels]), r.floats([channels])],
      attributes: { epsilon: EPSILON },
    };
  },
  LayerNormalization: (r) => {
    const shape = r.shape(2);
    const axis = r.int(1, shape.length - 1);
    const inputs = [r.floats(shape), r.floats(shape.slice(axis))];
    if (r.flag()) inputs.push(r.floats(shape.slice(axis)));
    return {
      inputs,
      attributes: { axis: r.flag() ? axis : axis - shape.length, epsilon: EPSILON, stash_type: 1 },
      outputs: r.pick(1, 3),
    };
  },
  GroupNormalization: (r) => {
    const groups = r.int(1, 3);
    const channels = groups * r.int(1, 2);
    return {
      inputs: [r.floats(image(r, channels, r.int(1, 2))), r.floats([channels]), r.floats([channels])],
      attributes: { epsilon: EPSILON, num_groups: groups, stash_type: 1 },
    };
  },
  RMSNormalization: (r) => {
    const shape = r.shape(2);
    const axis = r.int(1, shape.length - 1);
    return {
      inputs: [r.floats(shape), r.floats(shape.slice(axis))],
      attributes: { axis: r.flag() ? axis : axis - shape.length, epsilon: EPSILON, stash_type: 1 },
    };
  },
  LpNormalization: (r) => {
    const shape = r.shape();
    return { inputs: [r.floats(shape)], attributes: { axis: r.axis(shape.length), p: r.pick(1, 2) } };
  },
  LRN: (r) => ({
    inputs: [r.floats(image(r, r.int(1, 5), 2))],
    attributes: { alpha: 0.5, beta: 0.75, bias: 1, size: r.pick(1, 3, 5) },
  }),
  MeanVarianceNormalization: (r) => {
    const shape = [2, 3, 4, 5];
    const axes = r.flag() ? [0, 2, 3] : [...new Set([r.int(1, 2), 3])];
    return { inputs: [r.floats(shape)], attributes: { axes } };
  },
};
