/** Operators that read or write images at places of their own. */
import type { SamplingAttributes } from "../graph/ops/sampling.ts";
import { roundHalfToEven } from "./elementwise.ts";
import type { Evaluations, Step } from "./step.ts";
import { flatOf, indexOf, type ReferenceValue, reals, sizeOf } from "./value.ts";

export const samplingEvaluations: Evaluations<keyof SamplingAttributes> = {
  AffineGrid: (step) => {
    const matrices = step.reals();
    const [, rows = 2, columns = 3] = matrices.shape;
    const shape = step.shape();
    const image = shape.slice(1, -1);
    const corner = (i: number, size: number) => {
      if (step.attributes.align_corners === 0) return (2 * i + 1) / size - 1;
      // The only pixel lies in the middle, as PyTorch has it.
      return size === 1 ? 0 : (2 * i) / (size - 1) - 1;
    };
    return [
      reals(matrices.dtype, shape, (flat) => {
        const index = indexOf(flat, shape);
        const [n, row] = [index[0]!, index.at(-1)!];
        // The last axis of the image is the first coordinate.
        const place = [...image.map((size, axis) => corner(index[axis + 1]!, size)).reverse(), 1];
        const from = (n * rows + row) * columns;
        return place.reduce((sum, one, i) => sum + matrices.data[from + i]! * one, 0);
      }),
    ];
  },
  Col2Im: (step) => {
    const { dtype, shape: blocks, data } = step.reals();
    const { dilations, pads, strides } = step.attributes;
    const shape = step.shape();
    const image = shape.slice(2);
    const block = step.numbers(2);
    const counts = block.map((size, i) => {
      const room = image[i]! + pads[i]! + pads[i + block.length]!;
      return Math.floor((room - (size - 1) * dilations[i]! - 1) / strides[i]!) + 1;
    });
    const y = new Float64Array(sizeOf(shape));
    for (let flat = 0; flat < data.length; flat++) {
      const [n = 0, row = 0, place = 0] = indexOf(flat, blocks);
      const [channel, tap] = [Math.trunc(row / sizeOf(block)), indexOf(row % sizeOf(block), block)];
      const at = indexOf(place, counts).map((p, i) => p * strides[i]! + tap[i]! * dilations[i]! - pads[i]!);
      if (at.every((one, i) => one >= 0 && one < image[i]!))
        y[flatOf([n, channel, ...at], shape)]! += data[flat]!;
    }
    return [{ dtype, shape, data: y }];
  },
  GridSample: gridSample,
};

function gridSample(step: Step<"GridSample">): readonly ReferenceValue[] {
  const { align_corners, mode, padding_mode } = step.attributes;
  const [x, grid, shape] = [step.reals(0), step.reals(1), step.shape()];
  const [height, width] = [x.shape[2]!, x.shape[3]!];
  const pixel = (n: number, c: number, row: number, column: number): number => {
    const isInside = row >= 0 && row < height && column >= 0 && column < width;
    if (!isInside && padding_mode === "zeros") return 0;
    const [i, j] = [Math.min(Math.max(row, 0), height - 1), Math.min(Math.max(column, 0), width - 1)];
    return x.data[flatOf([n, c, i, j], x.shape)]!;
  };
  const placed = (coordinate: number, size: number): number => {
    const wide =
      align_corners === 0 ? ((coordinate + 1) * size - 1) / 2 : ((coordinate + 1) / 2) * (size - 1);
    if (padding_mode === "zeros") return wide;
    if (padding_mode === "border") return Math.min(Math.max(wide, 0), size - 1);
    const [low, high] = align_corners === 0 ? [-0.5, size - 0.5] : [0, size - 1];
    return reflected(wide, low, high);
  };
  return [
    reals(x.dtype, shape, (flat) => {
      const [n = 0, c = 0, i = 0, j = 0] = indexOf(flat, shape);
      const at = flatOf([n, i, j, 0], grid.shape);
      const [column, row] = [placed(grid.data[at]!, width), placed(grid.data[at + 1]!, height)];
      if (mode === "nearest") return pixel(n, c, roundHalfToEven(row), roundHalfToEven(column));
      const [top, left] = [Math.floor(row), Math.floor(column)];
      const [down, right] = [row - top, column - left];
      const upper = pixel(n, c, top, left) * (1 - right) + pixel(n, c, top, left + 1) * right;
      const lower = pixel(n, c, top + 1, left) * (1 - right) + pixel(n, c, top + 1, left + 1) * right;
      return upper * (1 - down) + lower * down;
    }),
  ];
}

/** Thrown back at both ends as often as it takes. */
function reflected(x: number, low: number, high: number): number {
  const span = high - low;
  if (span === 0) return low;
  const along = Math.abs(x - low) % (2 * span);
  return low + (along > span ? 2 * span - along : along);
}
