/** Gradient cases of: pools over [N, C, …spatial]. */
import type { PoolingAttributes } from "../../../src/graph/ops/pooling.ts";
import { i64 } from "../../run-graph.ts";
import type { Case, GradientCases } from "../check.ts";
import type { Draw } from "../draw.ts";

function maxPool(draw: Draw): Case<"MaxPool"> {
  const x = draw.distinct([2, 2, draw.int(5, 8), draw.int(5, 8)]);
  const plain = { dilations: [1, 1], pads: [0, 0, 0, 0], ceil_mode: 0, storage_order: 0 };
  if (draw.int(0, 1) === 0) {
    const kernel = [draw.int(1, 3), draw.int(1, 3)];
    return { inputs: [x], attributes: { ...plain, kernel_shape: kernel, strides: kernel } };
  }
  const attributes = { ...plain, kernel_shape: [3, 3], strides: [draw.int(1, 3), 2], pads: [1, 0, 1, 1] };
  return { inputs: [x], attributes: { ...attributes, ceil_mode: draw.int(0, 1) } };
}

function averagePool(draw: Draw): Case<"AveragePool"> {
  const x = draw.signed([2, 2, draw.int(5, 8), draw.int(5, 8)]);
  const pads = [0, 0, 0, 0].map(() => draw.int(0, 1));
  const attributes = {
    kernel_shape: [draw.int(2, 3), draw.int(2, 3)],
    strides: [draw.int(1, 3), draw.int(1, 2)],
  };
  return {
    inputs: [x],
    attributes: { ...attributes, dilations: [1, 1], pads, ceil_mode: 0, count_include_pad: draw.int(0, 1) },
  };
}

export const poolingCases: GradientCases<keyof PoolingAttributes> = {
  MaxPool: maxPool,
  AveragePool: averagePool,
  GlobalAveragePool: (draw) => ({ inputs: [draw.signed([2, 3, 4, 5])], attributes: {} }),
  GlobalMaxPool: (draw) => ({ inputs: [draw.distinct([2, 3, 4, 5])], attributes: {} }),
  LpPool: (draw) => {
    const x = draw.signed([2, 2, draw.int(5, 8), draw.int(5, 8)]);
    const attributes = {
      kernel_shape: [draw.int(2, 3), draw.int(2, 3)],
      strides: [draw.int(1, 3), draw.int(1, 2)],
      dilations: [draw.int(1, 2), 1],
      pads: [0, 0, 0, 0].map(() => draw.int(0, 1)),
    };
    return { inputs: [x], attributes: { ...attributes, ceil_mode: draw.int(0, 1), p: draw.int(1, 3) } };
  },
  MaxUnpool: (draw) => {
    const dims = [1, 2, draw.int(1, 3), 2];
    const kernel = [draw.int(2, 3), 2];
    const strides = kernel;
    // A winner of each window, at its place in the whole of y.
    const [rows, columns] = [(dims[2] ?? 1) * (kernel[0] ?? 1), 2 * 2];
    const places = Array.from({ length: 2 * (dims[2] ?? 1) * 2 }, (_, flat) => {
      const [c, i, j] = [
        Math.trunc(flat / (2 * (dims[2] ?? 1))),
        Math.trunc(flat / 2) % (dims[2] ?? 1),
        flat % 2,
      ];
      return (
        (c * rows + i * (kernel[0] ?? 1) + draw.int(0, (kernel[0] ?? 1) - 1)) * columns +
        2 * j +
        draw.int(0, 1)
      );
    });
    const attributes = { kernel_shape: kernel, strides, pads: [0, 0, 0, 0] };
    return { inputs: [draw.signed(dims), i64(dims, places)], attributes };
  },
  GlobalLpPool: (draw) => ({ inputs: [draw.signed([2, 3, 4, 5])], attributes: { p: draw.int(1, 3) } }),
};
