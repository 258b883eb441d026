/** Gradient cases of: pools over [N, C, …spatial]. */
import type { PoolingAttributes } from "../../../src/graph/ops/pooling.ts";
import { i64 } from "../../run-graph.ts";
import type { Case, GradientCases } from "../check.ts";
import type { Draw } from "../draw.ts";
import { window } from "./parts.ts";

function image(draw: Draw, spatial: number): number[] {
  const [low, high] = spatial === 3 ? [5, 6] : [5, 8];
  return [draw.int(1, 2), draw.int(1, 2), ...Array.from({ length: spatial }, () => draw.int(low, high))];
}

/** Pads stay below the kernel's size, so that no window lies in the padding alone. */
function pool(draw: Draw, spatial: number) {
  const given = window(draw, spatial);
  const pads = [...given.kernel_shape, ...given.kernel_shape].map((size) => draw.int(0, size - 1));
  return { ...given, pads, ceil_mode: draw.int(0, 1) };
}

function maxPool(draw: Draw): Case<"MaxPool"> {
  const spatial = draw.int(1, 3);
  const x = draw.distinct(image(draw, spatial));
  const attributes = { ...pool(draw, spatial), storage_order: draw.int(0, 1) };
  if (draw.int(0, 1) === 0) return { inputs: [x], attributes };
  // Windows side by side.
  const strides = attributes.kernel_shape;
  const [dilations, pads] = [strides.map(() => 1), attributes.pads.map(() => 0)];
  return { inputs: [x], attributes: { ...attributes, strides, dilations, pads, ceil_mode: draw.int(0, 1) } };
}

function averagePool(draw: Draw): Case<"AveragePool"> {
  const spatial = draw.int(1, 3);
  const x = draw.signed(image(draw, spatial));
  return { inputs: [x], attributes: { ...pool(draw, spatial), count_include_pad: draw.int(0, 1) } };
}

export const poolingCases: GradientCases<keyof PoolingAttributes> = {
  MaxPool: maxPool,
  AveragePool: averagePool,
  GlobalAveragePool: (draw) => ({ inputs: [draw.signed(image(draw, draw.int(1, 3)))], attributes: {} }),
  GlobalMaxPool: (draw) => ({ inputs: [draw.distinct(image(draw, draw.int(1, 3)))], attributes: {} }),
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
