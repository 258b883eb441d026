/** Gradient cases of: operators that move elements about. */
import type { MovementAttributes } from "../../../src/graph/ops/movement.ts";
import { f32, i64 } from "../../run-graph.ts";
import type { Case, GradientCases } from "../check.ts";
import type { Draw } from "../draw.ts";
import { scalar, shape, smaller, vector } from "./parts.ts";

function slice(draw: Draw): Case<"Slice"> {
  const dims = shape(draw);
  const axes = dims.map((_, i) => i).filter(() => draw.int(0, 1) === 0);
  const steps = axes.map(() => draw.pick([1, 1, 2, 3, -1, -2]));
  // From inside the axis to beyond it: at least one element is taken.
  const starts = axes.map((axis) => draw.int(0, (dims[axis] ?? 1) - 1));
  const ends = starts.map((start, i) => {
    const far = (steps[i] ?? 1) > 0 ? start + draw.int(1, 5) : start - draw.int(1, 5);
    return far < 0 ? -100 : far;
  });
  const fromEnd = (at: number, axis: number) => at - (dims[axis] ?? 1);
  const given = starts.map((start, i) => (draw.int(0, 1) === 0 ? start : fromEnd(start, axes[i] ?? 0)));
  const x = draw.signed(dims);
  const all = axes.length === dims.length && steps.every((step) => step === 1) && draw.int(0, 1) === 0;
  if (all) return { inputs: [x, vector(given), vector(ends)], attributes: {} };
  return { inputs: [x, vector(given), vector(ends), vector(axes), vector(steps)], attributes: {} };
}

type Coordinates = MovementAttributes["Resize"]["coordinate_transformation_mode"];

function resize(draw: Draw): Case<"Resize"> {
  const dims = [draw.int(1, 2), draw.int(1, 2), draw.int(1, 5), draw.int(1, 5)];
  const x = draw.signed(dims);
  const isCropping = draw.int(0, 4) === 0;
  const roi = isCropping ? f32([8], [0, 0, 0.25, -0.5, 1, 1, 0.75, 1.25]) : "";
  const policy = isCropping
    ? "stretch"
    : draw.pick(["stretch", "stretch", "not_larger", "not_smaller"] as const);
  const isScaled = policy === "stretch" && draw.int(0, 1) === 0;
  const axes = policy === "stretch" ? undefined : [2, -1];
  const wanted = [draw.int(1, 7), draw.int(1, 7)];
  const scales = f32([4], [1, 1, draw.pick([1, 2, 3, 1.5, 2.5]), draw.pick([1, 2, 3, 1.5])]);
  const sizes = axes === undefined ? vector([...dims.slice(0, 2), ...wanted]) : vector(wanted);
  const mode = draw.pick(["nearest", "linear", "cubic"] as const);
  const coordinates = draw.pick<Coordinates>([
    "half_pixel",
    "half_pixel_symmetric",
    "pytorch_half_pixel",
    "align_corners",
    "asymmetric",
  ]);
  return {
    inputs: isScaled ? [x, roi, scales] : [x, roi, "", sizes],
    fixed: [1, 2],
    attributes: {
      mode,
      coordinate_transformation_mode: isCropping ? "tf_crop_and_resize" : coordinates,
      nearest_mode: draw.pick(["floor", "round_prefer_floor", "round_prefer_ceil", "ceil"]),
      antialias: mode === "nearest" || isCropping ? 0 : draw.int(0, 1),
      cubic_coeff_a: draw.pick([-0.75, -0.5]),
      // Cropping, ONNX Runtime mixes up the weights of two axes.
      exclude_outside: mode === "cubic" && !isCropping ? draw.int(0, 1) : 0,
      extrapolation_value: 0.5,
      keep_aspect_ratio_policy: policy,
      ...(axes === undefined ? {} : { axes }),
    },
  };
}

/** As many elements as the shape has, cut into factors anew. */
function reshape(draw: Draw): Case<"Reshape"> {
  const dims = shape(draw, 2, 4);
  const [first = 1, second = 1, ...rest] = dims;
  const target = draw.pick([[-1], [0, -1], [first * second, ...rest], [...rest, -1, first], [...dims, 1]]);
  return { inputs: [draw.signed(dims), vector(target)], attributes: { allowzero: 0 } };
}

function pad(draw: Draw): Case<"Pad"> {
  const dims = shape(draw).map((dim) => dim + 1);
  const axes = dims.map((_, i) => i).filter(() => draw.int(0, 2) > 0);
  const mode = draw.pick(["constant", "reflect", "edge", "wrap"] as const);
  const [low, high] = mode === "constant" ? [-1, 2] : [0, 1];
  const pads = [...axes, ...axes].map((_, i) => draw.int(i < axes.length ? low : 0, high));
  const fill = mode === "constant" && draw.int(0, 1) === 0 ? scalar(0.5) : "";
  return { inputs: [draw.signed(dims), vector(pads), fill, vector(axes)], attributes: { mode } };
}

export const movementCases: GradientCases<keyof MovementAttributes> = {
  Concat: (draw) => {
    const dims = shape(draw);
    const axis = draw.int(-dims.length, dims.length - 1);
    const parts = Array.from({ length: draw.int(1, 3) }, () => draw.signed(dims.with(axis, draw.int(1, 4))));
    return { inputs: parts, attributes: { axis } };
  },
  DepthToSpace: (draw) => {
    const blocksize = draw.int(1, 3);
    const dims = [draw.int(1, 2), draw.int(1, 2) * blocksize ** 2, draw.int(1, 3), draw.int(1, 3)];
    return { inputs: [draw.signed(dims)], attributes: { blocksize, mode: draw.pick(["DCR", "CRD"]) } };
  },
  Expand: (draw) => {
    const full = shape(draw, 2, 4);
    return { inputs: [draw.signed(smaller(draw, full)), vector(full)], attributes: {} };
  },
  Flatten: (draw) => {
    const dims = shape(draw);
    return { inputs: [draw.signed(dims)], attributes: { axis: draw.int(-dims.length, dims.length) } };
  },
  Pad: pad,
  Reshape: reshape,
  Resize: resize,
  Slice: slice,
  SpaceToDepth: (draw) => {
    const blocksize = draw.int(1, 3);
    const dims = [draw.int(1, 2), draw.int(1, 2), draw.int(1, 2) * blocksize, draw.int(1, 2) * blocksize];
    return { inputs: [draw.signed(dims)], attributes: { blocksize } };
  },
  Split: (draw) => {
    const dims = shape(draw);
    const axis = draw.int(-dims.length, dims.length - 1);
    const sizes = Array.from({ length: draw.int(1, 3) }, () => draw.int(1, 3));
    const outputs = sizes.length;
    if (draw.int(0, 1) === 0) {
      const whole = dims.with(axis, draw.pick([5, 6]));
      return { inputs: [draw.signed(whole)], attributes: { axis, num_outputs: outputs }, outputs };
    }
    const whole = dims.with(
      axis,
      sizes.reduce((a, b) => a + b, 0),
    );
    return { inputs: [draw.signed(whole), vector(sizes)], attributes: { axis }, outputs };
  },
  Squeeze: (draw) => {
    const dims = shape(draw).map((dim) => (draw.int(0, 1) === 0 ? 1 : dim));
    const ones = dims.flatMap((dim, i) => (dim === 1 ? [draw.int(0, 1) === 0 ? i : i - dims.length] : []));
    return {
      inputs: draw.int(0, 1) === 0 ? [draw.signed(dims)] : [draw.signed(dims), vector(ones)],
      attributes: {},
    };
  },
  Tile: (draw) => {
    const dims = shape(draw);
    return { inputs: [draw.signed(dims), vector(dims.map(() => draw.int(1, 3)))], attributes: {} };
  },
  Transpose: (draw) => {
    const dims = shape(draw);
    const rest = dims.map((_, i) => i);
    const perm = dims.map(() => rest.splice(draw.int(0, rest.length - 1), 1)[0] ?? 0);
    return { inputs: [draw.signed(dims)], attributes: { perm } };
  },
  Trilu: (draw) => {
    const k = draw.int(0, 2) === 0 ? [] : [i64([], [draw.int(-2, 2)])];
    return { inputs: [draw.signed(shape(draw, 2)), ...k], attributes: { upper: draw.int(0, 1) } };
  },
  Unsqueeze: (draw) => {
    const dims = shape(draw, 1, 3);
    return { inputs: [draw.signed(dims), vector(draw.pick([[0], [1, -1], [-1]]))], attributes: {} };
  },
  ReverseSequence: (draw) => {
    const time = draw.int(0, 1);
    const lengths = [0, 1, 2].map(() => draw.int(1, 4));
    const dims = time === 0 ? [4, 3, 2] : [3, 4, 2];
    return {
      inputs: [draw.signed(dims), vector(lengths)],
      attributes: { batch_axis: 1 - time, time_axis: time },
    };
  },
};
