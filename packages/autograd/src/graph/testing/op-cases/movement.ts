/** Cases of: operators that move elements about. */
import type { MovementAttributes } from "../../ops/movement.ts";
import { input, ints, LEFT_OUT, type OpCases, scalar } from "./draw.ts";

export const movementCases: OpCases<keyof MovementAttributes> = {
  Concat: (r) => {
    const shape = r.shape();
    const axis = r.axis(shape.length);
    const at = axis < 0 ? axis + shape.length : axis;
    return {
      inputs: r.list(r.int(1, 3), 1, 3).map((dim) => r.floats(shape.with(at, dim))),
      attributes: { axis },
    };
  },
  DepthToSpace: (r) => ({
    inputs: [r.floats([1, 8, r.int(1, 3), r.int(1, 3)])],
    attributes: { blocksize: 2, mode: r.pick("DCR", "CRD") },
  }),
  SpaceToDepth: (r) => ({ inputs: [r.floats([1, r.int(1, 3), 4, 6])], attributes: { blocksize: 2 } }),
  Expand: (r) => {
    const shape = r.shape();
    return { inputs: [r.floats(r.part(shape)), ints(r.flag() ? shape : r.part(shape))], attributes: {} };
  },
  Flatten: (r) => {
    const shape = r.shape();
    return { inputs: [r.floats(shape)], attributes: { axis: r.int(-shape.length, shape.length) } };
  },
  Pad: (r) => {
    const shape = r.shape();
    const axes = r.flag() ? r.subset(shape.length) : undefined;
    const pads = ints(r.list(2 * (axes ?? shape).length, 0, 2));
    return {
      inputs: axes === undefined ? [r.floats(shape), pads] : [r.floats(shape), pads, LEFT_OUT, ints(axes)],
      attributes: { mode: "constant" },
    };
  },
  Reshape: (r) => {
    const [a, b, c] = [r.int(1, 3), r.int(1, 3), r.int(1, 3)];
    const target = r.pick([a * b, c], [-1], [0, -1], [a, b * c, 1], [c, -1, b], [0, 0, 0]);
    return { inputs: [r.floats([a, b, c]), ints(target)], attributes: { allowzero: 0 } };
  },
  Resize: (r) => {
    const shape = [1, r.int(1, 2), r.int(2, 4), r.int(2, 4)];
    const inputs = r.flag()
      ? [r.floats(shape), LEFT_OUT, input([4], "float32", [1, 1, r.pick(2, 1.5, 0.5), 2], true)]
      : [r.floats(shape), LEFT_OUT, LEFT_OUT, ints([1, shape[1] ?? 1, r.int(1, 8), r.int(1, 8)])];
    const { mode, coordinate_transformation_mode, nearest_mode } = {
      mode: r.pick("nearest", "linear"),
      coordinate_transformation_mode: r.pick("half_pixel", "asymmetric"),
      nearest_mode: r.pick("floor", "round_prefer_floor"),
    } as const;
    return {
      inputs,
      attributes: {
        mode,
        coordinate_transformation_mode,
        nearest_mode,
        antialias: 0,
        cubic_coeff_a: -0.75,
        exclude_outside: 0,
        extrapolation_value: 0,
        keep_aspect_ratio_policy: "stretch",
      },
    };
  },
  Slice: (r) => {
    const shape = r.shape();
    const axes = r.subset(shape.length);
    const bound = () => ints(axes.map(() => r.pick(-9, -2, -1, 0, 1, 2, 9)));
    const named = [
      r.floats(shape),
      bound(),
      bound(),
      ints(axes.map((axis) => (r.flag() ? axis : axis - shape.length))),
    ];
    return {
      inputs: r.flag() ? named : [...named, ints(axes.map(() => r.pick(1, 2, -1, -2)))],
      attributes: {},
    };
  },
  Split: (r) => {
    const shape = r.shape();
    const axis = r.axis(shape.length);
    const sizes = r.list(r.int(1, 3), 1, 3);
    if (r.flag()) {
      const whole = sizes.reduce((sum, size) => sum + size, 0);
      return {
        inputs: [r.floats(shape.with(axis, whole)), ints(sizes)],
        attributes: { axis },
        outputs: sizes.length,
      };
    }
    return {
      inputs: [r.floats(shape.with(axis, r.pick(5, 6)))],
      attributes: { axis, num_outputs: sizes.length },
      outputs: sizes.length,
    };
  },
  Squeeze: (r) => {
    const shape = r.shape(1, 5).map((dim) => (r.flag() ? 1 : dim));
    const ones = shape.flatMap((dim, i) => (dim === 1 && r.flag() ? [r.flag() ? i : i - shape.length] : []));
    return { inputs: r.flag() ? [r.floats(shape)] : [r.floats(shape), ints(ones)], attributes: {} };
  },
  Tile: (r) => {
    const shape = r.shape();
    return { inputs: [r.floats(shape), ints(r.list(shape.length, 1, 3))], attributes: {} };
  },
  Transpose: (r) => {
    const shape = r.shape();
    return { inputs: [r.floats(shape)], attributes: { perm: r.permutation(shape.length) } };
  },
  Trilu: (r) => ({
    inputs: [r.floats(r.shape(2)), scalar(r.int(-2, 2), "int64")],
    attributes: { upper: r.bit() },
  }),
  Unsqueeze: (r) => {
    const shape = r.shape(0, 3);
    const added = r.int(1, 2);
    const axes = r.permutation(shape.length + added).slice(0, added);
    return { inputs: [r.floats(shape), ints(axes)], attributes: {} };
  },
  ReverseSequence: (r) => {
    const time = r.bit();
    const shape = r.shape(2);
    const steps = shape[time] ?? 1;
    const lengths = input([shape[1 - time] ?? 1], "int64", r.list(shape[1 - time] ?? 1, 1, steps));
    return { inputs: [r.floats(shape), lengths], attributes: { batch_axis: 1 - time, time_axis: time } };
  },
};
