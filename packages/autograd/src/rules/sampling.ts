/** Backward rules of the operators that read or write images at places of their own. */
import type { SamplingAttributes } from "../graph/ops/sampling.ts";
import { at, type Emitter, range, sizeOf, type Value } from "./emitter.ts";
import { isComposed, type RuleContext, type RuleFamily } from "./rule.ts";

export const samplingRules: RuleFamily<keyof SamplingAttributes> = {
  AffineGrid: isComposed,
  // Each block takes back what it gave: the pieces of dy, side by side again.
  Col2Im: ({ emit, attributes: { dilations, pads, strides }, constant, x, dy, unsupported }) => {
    const block = constant(2);
    if (block === undefined) return unsupported("its block is not a constant");
    const axes = block.length;
    const padded = emit.pad(dy(), [0, 0, ...pads.slice(0, axes)], [0, 0, ...pads.slice(axes)]);
    const [n, channels] = [at(padded.shape, 0), at(padded.shape, 1)];
    let pieces = [padded];
    block.forEach((size, i) => {
      const [dilation, stride] = [at(dilations, i), at(strides, i)];
      const count = Math.floor((at(padded.shape, i + 2) - (size - 1) * dilation - 1) / stride) + 1;
      pieces = pieces.flatMap((piece) =>
        range(size).map((tap) => emit.slice(piece, i + 2, tap * dilation, count, stride)),
      );
    });
    const columns = pieces.map((piece) =>
      emit.reshape(piece, [n, channels, 1, sizeOf(piece.shape.slice(2))]),
    );
    return [emit.reshape(emit.concat(columns, 2), x().shape)];
  },
  GridSample: (context) => gridSampleBackward(context),
};

/** One coordinate of the places, in pixels: f32[N · P]. */
interface Coordinate {
  readonly value: Value;
  /** ∂value/∂grid */
  readonly slope: Value;
  readonly size: number;
}

/** A neighbour along one axis: which pixel, what it weighs, and how that grows with the coordinate. */
interface Neighbour {
  /** int64, inside the image */
  readonly index: Value;
  readonly weight: Value;
  readonly growth: number;
  /** 1 inside, 0 outside; undefined where what is outside is drawn in. */
  readonly inside: Value | undefined;
}

/** y is a weighted sum of pixels: dy goes to each by its weight, and the places by how the weights change. */
function gridSampleBackward({ emit, attributes, x, dy, wants }: RuleContext<"GridSample">) {
  const { mode, padding_mode: padding } = attributes;
  const [n, channels, height, width] = [0, 1, 2, 3].map((i) => at(x().shape, i)) as [
    number,
    number,
    number,
    number,
  ]; // SAFETY: four picked
  const places = sizeOf(x(1).shape.slice(1, 3));
  const pairs = emit.split(emit.reshape(x(1), [n * places, 2]), 1, [1, 1]);
  const [horizontal, vertical] = [width, height].map((size, i) =>
    coordinateOf(emit, emit.reshape(at(pairs, i), [n * places]), size, attributes),
  ) as [Coordinate, Coordinate]; // SAFETY: two mapped
  const neighbours = (along: Coordinate) => neighboursOf(emit, along, mode, padding === "zeros");
  const image = emit.constant({
    dtype: "int64",
    shape: [n * places],
    data: BigInt64Array.from(range(n * places), (i) => BigInt(Math.trunc(i / places) * height)),
  });
  const toRows = (value: Value, pixels: number) =>
    emit.reshape(emit.transpose(emit.reshape(value, [n, channels, pixels]), [0, 2, 1]), [
      n * pixels,
      channels,
    ]);
  const [pixels, upstream] = [toRows(x(), height * width), toRows(dy(), places)];
  let total = emit.zeros(x().dtype, [n * height * width, channels]);
  let [across, down]: [Value | undefined, Value | undefined] = [undefined, undefined];
  for (const row of neighbours(vertical)) {
    for (const column of neighbours(horizontal)) {
      const line = emit.scale(emit.add2(image, row.index), width);
      const place = emit.add2(line, column.index);
      const isInside = row.inside && column.inside ? emit.mul(row.inside, column.inside) : undefined;
      const counted = (value: Value) => (isInside === undefined ? value : emit.mul(value, isInside));
      const weight = counted(emit.mul(row.weight, column.weight));
      const shares = emit.mul(upstream, emit.reshape(weight, [n * places, 1]));
      total = emit.scatterNd(total, emit.reshape(place, [n * places, 1]), shares, "add");
      if (!wants(1) || mode === "nearest") continue;
      const met = counted(emit.sum(emit.mul(upstream, emit.gather(pixels, place, 0)), [1]));
      const [dx, dyy] = [
        emit.scale(emit.mul(met, row.weight), column.growth),
        emit.scale(emit.mul(met, column.weight), row.growth),
      ];
      across = across === undefined ? dx : emit.add2(across, dx);
      down = down === undefined ? dyy : emit.add2(down, dyy);
    }
  }
  const image4 = emit.reshape(total, [n, height * width, channels]);
  const dImage = emit.reshape(emit.transpose(image4, [0, 2, 1]), x().shape);
  if (across === undefined || down === undefined) return [dImage, emit.zeros(x(1).dtype, x(1).shape)];
  const both = [emit.mul(across, horizontal.slope), emit.mul(down, vertical.slope)];
  const columns = both.map((value) => emit.reshape(value, [n * places, 1]));
  return [dImage, emit.reshape(emit.concat(columns, 1), x(1).shape)];
}

function coordinateOf(
  emit: Emitter,
  grid: Value,
  size: number,
  { align_corners, padding_mode }: SamplingAttributes["GridSample"],
): Coordinate {
  const isAligned = align_corners !== 0;
  const factor = isAligned ? (size - 1) / 2 : size / 2;
  const wide = emit.shift(emit.scale(grid, factor), isAligned ? factor : (size - 1) / 2);
  const slope = emit.expand(emit.cast(emit.scalar(factor), grid.dtype), grid.shape);
  if (padding_mode === "zeros") return { value: wide, slope, size };
  if (padding_mode === "border") {
    const bounds = [emit.like(wide, 0), emit.like(wide, size - 1)];
    const value = emit.node("Clip", [wide, ...bounds], {}, wide.dtype, wide.shape);
    return { value, slope: emit.mul(slope, emit.mask("Equal", value, wide)), size };
  }
  const [low, high] = isAligned ? [0, size - 1] : [-0.5, size - 0.5];
  const span = high - low;
  if (span === 0) {
    const value = emit.scale(wide, 0);
    return { value, slope: value, size };
  }
  // Along the way there and back of 2·span; on the way back it runs the other way.
  const from = emit.shift(wide, -low);
  const along = emit.node(
    "Mod",
    [emit.unary("Abs", from), emit.like(wide, 2 * span)],
    { fmod: 1 },
    wide.dtype,
    wide.shape,
  );
  const isBack = emit.compare("Greater", along, emit.like(along, span));
  const value = emit.shift(emit.where(isBack, emit.minusFrom(2 * span, along), along), low);
  const turn = emit.where(isBack, emit.like(along, -1), emit.like(along, 1));
  return { value, slope: emit.mul(slope, emit.mul(turn, emit.unary("Sign", from))), size };
}

function neighboursOf(
  emit: Emitter,
  { value, size }: Coordinate,
  mode: SamplingAttributes["GridSample"]["mode"],
  isCut: boolean,
): Neighbour[] {
  const made = (pixel: Value, weight: Value, growth: number): Neighbour => {
    const bounds = [emit.like(pixel, 0), emit.like(pixel, size - 1)];
    const kept = emit.node("Clip", [pixel, ...bounds], {}, pixel.dtype, pixel.shape);
    const inside = isCut ? emit.mask("Equal", kept, pixel) : undefined;
    return { index: emit.cast(kept, "int64"), weight, growth, inside };
  };
  const one = emit.expand(emit.cast(emit.scalar(1), value.dtype), value.shape);
  if (mode === "nearest") return [made(emit.node("Round", [value], {}, value.dtype, value.shape), one, 0)];
  const first = emit.unary("Floor", value);
  const share = emit.sub(value, first);
  return [made(first, emit.minusFrom(1, share), -1), made(emit.shift(first, 1), share, 1)];
}
