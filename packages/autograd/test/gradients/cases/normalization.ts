/** Gradient cases of: normalizations. */
import type { NormalizationAttributes } from "../../../src/graph/ops/normalization.ts";
import type { Tensor } from "../../../src/graph/tensor.ts";
import type { Case, GradientCases } from "../check.ts";
import type { Draw } from "../draw.ts";
import { shape } from "./parts.ts";

function batchNorm(draw: Draw): Case<"BatchNormalization"> {
  const channels = draw.int(1, 4);
  const x = draw.signed([3, channels, ...(draw.int(0, 1) === 0 ? [] : [3, 2])]);
  const [scale, bias, mean] = [0, 1, 2].map(() => draw.signed([channels])) as [Tensor, Tensor, Tensor]; // SAFETY: three drawn
  const attributes = { epsilon: 1e-5, momentum: 0.9, training_mode: 0 };
  return { inputs: [x, scale, bias, mean, draw.positive([channels])], attributes };
}

function layerNorm(draw: Draw): Case<"LayerNormalization"> {
  const dims = [draw.int(1, 3), draw.int(2, 4), draw.int(3, 5)];
  const axis = draw.pick([-1, 1, 2]);
  const own = dims.slice(axis === -1 ? 2 : axis);
  const inputs = [draw.signed(dims), draw.signed(own), ...(draw.int(0, 1) === 0 ? [] : [draw.signed(own)])];
  return { inputs, attributes: { axis, epsilon: 1e-5, stash_type: 1 } };
}

export const normalizationCases: GradientCases<keyof NormalizationAttributes> = {
  BatchNormalization: batchNorm,
  InstanceNormalization: (draw) => ({
    inputs: [draw.signed([2, 3, 4, 3]), draw.signed([3]), draw.signed([3])],
    attributes: { epsilon: 1e-5 },
  }),
  LayerNormalization: layerNorm,
  GroupNormalization: (draw) => {
    const groups = draw.int(1, 3);
    const channels = groups * draw.int(1, 2);
    const dims = [draw.int(1, 2), channels, ...draw.pick([[5], [2, 3], [2, 1, 3]])];
    const inputs = [draw.signed(dims), draw.signed([channels]), draw.signed([channels])];
    return { inputs, attributes: { epsilon: 1e-5, num_groups: groups, stash_type: 1 } };
  },
  RMSNormalization: (draw) => {
    const dims = [draw.int(1, 3), draw.int(2, 4), draw.int(3, 5)];
    const axis = draw.pick([-1, 1, 2]);
    const inputs = [draw.signed(dims), draw.signed(dims.slice(axis === -1 ? 2 : axis))];
    return { inputs, attributes: { axis, epsilon: 1e-5, stash_type: 1 } };
  },
  LpNormalization: (draw) => {
    const dims = shape(draw, 1, 3);
    const attributes = { axis: draw.int(-dims.length, dims.length - 1), p: draw.int(1, 2) };
    return { inputs: [draw.signed(dims)], attributes };
  },
  LRN: (draw) => ({
    inputs: [draw.signed([2, draw.int(1, 6), ...draw.pick([[], [3], [2, 3]])])],
    attributes: { alpha: 0.8, beta: 0.75, bias: 1.5, size: draw.int(1, 5) },
  }),
  MeanVarianceNormalization: (draw) => ({
    // It has no epsilon: without a spread along the axes the gradient has no bound.
    inputs: [draw.distinct([2, 3, draw.int(2, 3), 3])],
    attributes: { axes: draw.pick([[0, 2, 3], [2, 3], [-1], [1]]) },
  }),
};
