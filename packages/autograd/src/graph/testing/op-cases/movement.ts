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
    const shape = [1, r.int(1, 2), r.int(2, 5), r.int(2, 5)];
    const isCropping = r.int(0, 4) === 0;
    const roi = isCropping ? input([8], "float32", [0, 0, 0.25, -0.5, 1, 1, 0.75, 1.25], true) : LEFT_OUT;
    const policy = isCropping ? "stretch" : r.pick("stretch", "stretch", "not_larger", "not_smaller");
    const isScaled = policy === "stretch" && r.flag();
    const [byScales, bySizes] = [
      input([4], "float32", [1, 1, r.pick(2, 1.5, 0.5), 2], true),
      ints([1, shape[1] ?? 1, r.int(1, 8), r.int(1, 8)]),
    ];
    // One scale for all axes would resize the images and their channels too.
    const axes = policy === "stretch" ? undefined : [2, 3];
    const sizes = axes === undefined ? bySizes : ints([r.int(1, 8), r.int(1, 8)]);
    const mode = r.pick<"nearest" | "linear" | "cubic">("nearest", "linear", "cubic");
    const coordinates = r.pick<MovementAttributes["Resize"]["coordinate_transformation_mode"]>(
      "half_pixel",
      // The nearest of two at the same distance is decided by rounding that is not known.
      mode === "nearest" || policy !== "stretch" ? "half_pixel" : "half_pixel_symmetric",
      "pytorch_half_pixel",
      "align_corners",
      "asymmetric",
    );
    return {
      inputs: isScaled ? [r.floats(shape), roi, byScales] : [r.floats(shape), roi, LEFT_OUT, sizes],
      attributes: {
        mode,
        coordinate_transformation_mode: isCropping ? "tf_crop_and_resize" : coordinates,
        nearest_mode: r.pick("floor", "round_prefer_floor", "round_prefer_ceil", "ceil"),
        antialias: mode !== "nearest" && !isCropping ? r.bit() : 0,
        cubic_coeff_a: r.pick(-0.75, -0.5),
        // Cropping, ONNX Runtime mixes up the weights of two axes.
        exclude_outside: mode === "cubic" && !isCropping ? r.bit() : 0,
        extrapolation_value: 0.5,
        keep_aspect_ratio_policy: policy,
        ...(axes === undefined ? {} : { axes }),
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
