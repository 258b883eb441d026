/** Cases of: operators that pick, place or make elements by index. */
import type { IndexingAttributes } from "../../ops/indexing.ts";
import { sizeOfShape } from "../../shape.ts";
import type { DType, Tensor } from "../../tensor.ts";
import { ints, type OpCases, scalar } from "./draw.ts";

export const indexingCases: OpCases<keyof IndexingAttributes> = {
  ConstantOfShape: (r) => {
    const value: Tensor = { dtype: "int64", shape: [1], data: BigInt64Array.of(7n) };
    return { inputs: [ints(r.shape())], attributes: { value } };
  },
  Gather: (r) => {
    const shape = r.shape();
    const axis = r.axis(shape.length);
    return { inputs: [r.floats(shape), r.indices(r.shape(0, 2), shape.at(axis) ?? 1)], attributes: { axis } };
  },
  GatherElements: (r) => {
    const shape = r.shape();
    const axis = r.axis(shape.length);
    const indices = shape.with(axis, r.int(1, 5));
    return { inputs: [r.floats(shape), r.indices(indices, shape.at(axis) ?? 1)], attributes: { axis } };
  },
  GatherND: (r) => {
    const batch = r.int(0, 1);
    const shape = [2, ...r.shape(2, 3)];
    const depth = r.int(1, shape.length - batch);
    return {
      inputs: [r.floats(shape), r.indices([...shape.slice(0, batch), r.int(1, 3), depth], 1)],
      attributes: { batch_dims: batch },
    };
  },
  OneHot: (r) => {
    const shape = r.shape(1, 3);
    return {
      inputs: [r.indices(shape, 3), scalar(r.int(1, 5), "int64"), r.floats([2])],
      attributes: { axis: r.axis(shape.length + 1) },
    };
  },
  Range: (r) => ({
    inputs: [
      scalar(r.int(-3, 3), "int64"),
      scalar(r.int(-9, 9), "int64"),
      scalar(r.pick(1, 2, -1, -2), "int64"),
    ],
    attributes: {},
  }),
  ScatterElements: (r) => {
    const shape = r.shape();
    const axis = r.axis(shape.length);
    return {
      inputs: [r.floats(shape), r.indices(shape, shape.at(axis) ?? 1), r.floats(shape)],
      attributes: { axis, reduction: r.pick("none", "add", "mul", "max", "min") },
    };
  },
  ScatterND: (r) => {
    const shape = r.shape(2, 4);
    const depth = r.int(1, shape.length);
    const count = r.int(1, 3);
    return {
      inputs: [r.floats(shape), r.indices([count, depth], 1), r.floats([count, ...shape.slice(depth)])],
      attributes: { reduction: r.pick("none", "add", "mul", "max", "min") },
    };
  },
  Shape: (r) => ({
    inputs: [r.floats(r.shape(0))],
    attributes: r.flag() ? { start: 0 } : { start: r.int(-3, 3), end: r.int(-5, 5) },
  }),
  Size: (r) => ({ inputs: [r.floats(r.shape(0))], attributes: {} }),
  Compress: (r) => {
    const shape = r.shape();
    const axis = r.flag() ? r.axis(shape.length) : undefined;
    const whole = axis === undefined ? sizeOfShape(shape) : (shape.at(axis) ?? 1);
    const condition = { ...r.bools([r.int(1, whole)]), isConstant: true };
    return { inputs: [r.floats(shape), condition], attributes: axis === undefined ? {} : { axis } };
  },
  EyeLike: (r) => ({
    inputs: [r.floats([r.int(1, 4), r.int(1, 4)])],
    attributes: { k: r.int(-2, 2), ...(r.flag() ? { dtype: r.pick<DType>("float32", "int64") } : {}) },
  }),
  NonZero: (r) => ({ inputs: [{ ...r.bools(r.shape()), isConstant: true }], attributes: {} }),
};
