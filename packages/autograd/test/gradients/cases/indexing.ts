/** Gradient cases of: operators that pick, place or make elements by index. */
import type { IndexingAttributes, ScatterReduction } from "../../../src/graph/ops/indexing.ts";
import { noGradient, stopsGradient } from "../../../src/rules/rule.ts";
import { f32, floatsOf, i64 } from "../../run-graph.ts";
import type { GradientCases } from "../check.ts";
import type { Draw } from "../draw.ts";
import { shape } from "./parts.ts";

/** Operands among which no two change places under a small step, where that matters. */
function apartFrom(
  draw: Draw,
  dims: readonly number[],
  updates: readonly number[],
  reduction: ScatterReduction,
) {
  if (reduction !== "max" && reduction !== "min") return [draw.signed(dims), draw.signed(updates)] as const;
  const size = (one: readonly number[]) => one.reduce((a, b) => a * b, 1);
  const all = floatsOf(draw.distinct([size(dims) + size(updates)]));
  return [f32(dims, all.slice(0, size(dims))), f32(updates, all.slice(size(dims)))] as const;
}

export const indexingCases: GradientCases<keyof IndexingAttributes> = {
  Gather: (draw) => {
    const dims = shape(draw);
    const axis = draw.int(-dims.length, dims.length - 1);
    const indices = draw.indices(draw.pick([[], [4], [2, 3]]), dims.at(axis) ?? 1);
    return { inputs: [draw.signed(dims), indices], attributes: { axis } };
  },
  GatherElements: (draw) => {
    const dims = shape(draw);
    const axis = draw.int(-dims.length, dims.length - 1);
    const indices = draw.indices(dims.with(axis, draw.int(1, 5)), dims.at(axis) ?? 1);
    return { inputs: [draw.signed(dims), indices], attributes: { axis } };
  },
  GatherND: (draw) => {
    const dims = [2, ...shape(draw, 2, 3)];
    const batch = draw.int(0, dims.length - 2);
    const depth = draw.int(1, dims.length - batch);
    const columns = dims.slice(batch, batch + depth);
    const places = [...dims.slice(0, batch), draw.int(1, 3)];
    return {
      inputs: [draw.signed(dims), draw.places(places, columns)],
      attributes: { batch_dims: batch },
    };
  },
  // Places that differ where the last one would win; else places that meet.
  ScatterElements: (draw) => {
    const dims = shape(draw);
    const axis = draw.int(-dims.length, dims.length - 1);
    const reduction = draw.pick(["none", "add", "mul", "max", "min"] as const);
    const size = dims.at(axis) ?? 1;
    const shorter = dims.with(axis, draw.int(1, size));
    const strides = shorter.slice(axis < 0 ? shorter.length + axis + 1 : axis + 1).reduce((a, b) => a * b, 1);
    const apart = Array.from({ length: shorter.reduce((a, b) => a * b, 1) }, (_, flat) => {
      return Math.floor(flat / strides) % (shorter.at(axis) ?? 1);
    });
    const indices = reduction === "none" ? i64(shorter, apart) : draw.indices(shorter, size);
    const [x, updates] = apartFrom(draw, dims, shorter, reduction);
    return { inputs: [x, indices, updates], attributes: { axis, reduction } };
  },
  ScatterND: (draw) => {
    const dims = shape(draw, 2, 4);
    const depth = draw.int(1, dims.length);
    const reduction = draw.pick(["none", "add", "mul", "max", "min"] as const);
    const count = reduction === "none" ? 1 : draw.int(1, 3);
    const indices = draw.places([count], dims.slice(0, depth));
    const [x, updates] = apartFrom(draw, dims, [count, ...dims.slice(depth)], reduction);
    return { inputs: [x, indices, updates], attributes: { reduction } };
  },
  OneHot: (draw) => {
    const dims = shape(draw, 1, 3);
    const depth = draw.int(1, 5);
    return {
      inputs: [draw.indices(dims, 4), i64([], [depth]), draw.signed([2])],
      attributes: { axis: draw.int(-dims.length - 1, dims.length) },
    };
  },
  Range: noGradient,
  ConstantOfShape: stopsGradient,
  Shape: stopsGradient,
  Size: stopsGradient,
  Compress: (draw) => {
    const axis = draw.int(-2, 1);
    if (draw.int(0, 1) === 0)
      return { inputs: [draw.signed([3, 4]), draw.flags([draw.int(1, 12)])], attributes: {} };
    return {
      inputs: [draw.signed([3, 4]), draw.flags([axis === 0 || axis === -2 ? 3 : 4])],
      attributes: { axis },
    };
  },
  EyeLike: stopsGradient,
  NonZero: stopsGradient,
};
