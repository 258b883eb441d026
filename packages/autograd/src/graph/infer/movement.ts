/** Types of operators that move elements without looking at them. */
import { LIMITS } from "@pingo/core";
import { commonScale, scaledSize } from "../aspect-ratio.ts";
import { addDims, divideExactly, mulDims, productOf } from "../dim.ts";
import { showShape } from "../fault.ts";
import type { MovementAttributes } from "../ops/movement.ts";
import type { OpKind } from "../ops.ts";
import { broadcastShapes, sumOf } from "../shape.ts";
import { sliceOf } from "../slice.ts";
import type { Dim, Shape, TensorType } from "../tensor.ts";
import { INDICES, type Rules, type Site } from "./site.ts";

export const movement: Rules<keyof MovementAttributes> = {
  Concat: (site) => {
    const types = site.inputs();
    const first = types[0]?.shape ?? [];
    const axis = site.axis(site.attributes.axis, first.length);
    const shape = first.map((dim, i) =>
      types.reduce((all, type) => {
        if (type.shape.length !== first.length)
          throw site.shape(`${showShape(first)} and ${showShape(type.shape)} differ in rank`);
        return i === axis
          ? all
          : site.unify(
              all,
              type.shape[i] ?? 1,
              `${showShape(first)} and ${showShape(type.shape)} differ beside axis ${axis}`,
            );
      }, dim),
    );
    shape[axis] = site.dimOr(sumOf(types.map((type) => type.shape[axis])));
    return [{ dtype: site.sameDType(types), shape }];
  },
  DepthToSpace: (site) => {
    const [n = 1, c = 1, h = 1, w = 1] = site.rank(0, 4).shape;
    const by = site.attributes.blocksize;
    if (by < 1) throw site.attribute("blocksize must be 1 or more");
    const channels = divideExactly(c, by * by);
    if (channels === undefined && typeof c === "number")
      throw site.shape(`${c} channels do not split into blocks of ${by}×${by}`);
    return [
      {
        ...site.input(0),
        shape: [n, site.dimOr(channels), site.dimOr(mulDims(h, by)), site.dimOr(mulDims(w, by))],
      },
    ];
  },
  SpaceToDepth: (site) => {
    const [n = 1, c = 1, h = 1, w = 1] = site.rank(0, 4).shape;
    const by = site.attributes.blocksize;
    if (by < 1) throw site.attribute("blocksize must be 1 or more");
    const [rows, columns] = [divideExactly(h, by), divideExactly(w, by)];
    if ((rows === undefined && typeof h === "number") || (columns === undefined && typeof w === "number")) {
      throw site.shape(`${h}×${w} does not split into blocks of ${by}×${by}`);
    }
    return [
      {
        ...site.input(0),
        shape: [n, site.dimOr(mulDims(c, by * by)), site.dimOr(rows), site.dimOr(columns)],
      },
    ];
  },
  Expand: (site) => {
    const { dtype, shape } = site.input(0);
    const target = targetShape(site, 1);
    const expanded = broadcastShapes([shape, target], site.fresh);
    if (expanded === undefined)
      throw site.shape(`${showShape(shape)} does not expand to ${showShape(target)}`);
    return [{ dtype, shape: expanded }];
  },
  Flatten: (site) => {
    const { dtype, shape } = site.input(0);
    const { axis } = site.attributes;
    const at = axis === shape.length ? axis : site.axis(axis, shape.length);
    return [
      { dtype, shape: [site.dimOr(productOf(shape.slice(0, at))), site.dimOr(productOf(shape.slice(at)))] },
    ];
  },
  Pad: (site) => {
    const { dtype, shape } = site.input(0);
    site.input(1, ["int64"]);
    if (site.has(2)) site.sameDType([site.input(0), site.input(2)]);
    const axes = site.has(3) ? site.knownInts(3) : shape.map((_, i) => i);
    const pads = site.known(1)?.elements;
    if (axes === undefined || pads === undefined) return [{ dtype, shape: shape.map(() => site.fresh()) }];
    const padded = site.axes(axes, shape.length);
    if (pads.length !== 2 * padded.length) throw site.shape(`${pads.length} pads for ${padded.length} axes`);
    const result = [...shape];
    padded.forEach((axis, i) => {
      if (site.attributes.mode === "wrap") checkWrap(site, axis, [pads[i], pads[i + padded.length]]);
      const dim = addDims(shape[axis], addDims(pads[i], pads[i + padded.length]));
      if (typeof dim === "number" && dim < 0)
        throw site.shape(`the pads leave axis ${axis} with ${dim} elements`);
      result[axis] = site.dimOr(dim);
    });
    return [{ dtype, shape: result }];
  },
  ReverseSequence: (site) => {
    const x = site.input(0);
    const { batch_axis: batch, time_axis: time } = site.attributes;
    if (batch + time !== 1 || batch * time !== 0)
      throw site.attribute(`batch_axis ${batch} and time_axis ${time} must be 0 and 1`);
    if (x.shape.length < 2) throw site.shape(`${showShape(x.shape)} has no time and batch`);
    site.input(1, ["int64"]);
    const lengths = site.rank(1, 1).shape[0] ?? 1;
    site.unify(lengths, x.shape[batch] ?? lengths, "the lengths are not as many as the sequences");
    return [x];
  },
  Reshape: (site) => {
    const { dtype, shape } = site.input(0);
    return [{ dtype, shape: reshaped(site, shape, targetShape(site, 1)) }];
  },
  Resize: resize,
  Slice: (site) => {
    const { dtype, shape } = site.input(0);
    const result = [...shape];
    const axes = site.has(3) ? site.knownInts(3) : shape.map((_, i) => i).slice(0, countOf(site, 1));
    if (axes === undefined) return [{ dtype, shape: shape.map(() => site.fresh()) }];
    const starts = site.known(1)?.elements;
    const ends = site.known(2)?.elements;
    const steps = site.has(4) ? site.known(4)?.elements : axes.map(() => 1);
    site.axes(axes, shape.length).forEach((axis, i) => {
      const step = steps?.[i];
      if (step === 0) throw site.attribute("a slice cannot step by 0");
      result[axis] = site.dimOr(sliceOf(shape[axis] ?? 1, starts?.[i], ends?.[i], step)?.length);
    });
    return [{ dtype, shape: result }];
  },
  Split: (site) => {
    const { dtype, shape } = site.input(0);
    const axis = site.axis(site.attributes.axis, shape.length);
    const parts = site.node.outputs.length;
    const whole = shape[axis] ?? 1;
    return splitSizes(site, whole, parts).map((size) => ({ dtype, shape: shape.with(axis, size) }));
  },
  Squeeze: (site) => {
    const { dtype, shape } = site.input(0);
    if (!site.has(1)) return [{ dtype, shape: shape.filter((dim) => dim !== 1) }];
    const given = site.knownInts(1);
    if (given === undefined) throw site.illegal("its axes must be known before the run");
    // ONNX Runtime takes an empty list as all of them.
    const axes =
      given.length === 0 ? shape.flatMap((dim, i) => (dim === 1 ? [i] : [])) : site.axes(given, shape.length);
    for (const axis of axes)
      site.unify(shape[axis] ?? 1, 1, `axis ${axis} of ${showShape(shape)} cannot be dropped`);
    return [{ dtype, shape: shape.filter((_, i) => !axes.includes(i)) }];
  },
  Tile: (site) => {
    const { dtype, shape } = site.input(0);
    if (countOf(site, 1) !== shape.length) throw site.shape(`${showShape(shape)} needs one repeat per axis`);
    const repeats = site.known(1)?.elements;
    return [{ dtype, shape: shape.map((dim, i) => site.dimOr(mulDims(dim, repeats?.[i]))) }];
  },
  Transpose: (site) => {
    const { dtype, shape } = site.input(0);
    const perm = site.axes(site.attributes.perm, shape.length);
    if (perm.length !== shape.length)
      throw site.attribute(`perm [${perm.join(", ")}] does not order the axes of ${showShape(shape)}`);
    return [{ dtype, shape: perm.map((axis) => shape[axis] ?? 1) }];
  },
  Trilu: (site) => {
    const x = site.input(0);
    if (x.shape.length < 2) throw site.shape(`${showShape(x.shape)} has no matrices`);
    if (site.has(1)) site.input(1, ["int64"]);
    return [x];
  },
  Unsqueeze: (site) => {
    const { dtype, shape } = site.input(0);
    const given = site.knownInts(1);
    if (given === undefined) throw site.illegal("its axes must be known before the run");
    const rank = shape.length + given.length;
    const axes = site.axes(given, rank);
    const rest = [...shape];
    return [
      { dtype, shape: Array.from({ length: rank }, (_, i) => (axes.includes(i) ? 1 : (rest.shift() ?? 1))) },
    ];
  },
};

/** How many numbers a 1-D input holds; that must be known. */
function countOf(site: Site<OpKind>, index: number): number {
  const [count] = site.rank(index, 1).shape;
  if (typeof count !== "number")
    throw site.illegal(`the length of input ${index} must be known before the run`);
  return count;
}

/** The shape that an int64[n] input spells; sizes not known get names. */
export function targetShape(site: Site<OpKind>, index: number): Shape {
  site.input(index, INDICES);
  const elements = site.known(index)?.elements;
  const rank = countOf(site, index);
  if (rank > LIMITS.tensorRankMax)
    throw site.shape(`${rank} axes; at most ${LIMITS.tensorRankMax} are accepted`);
  return Array.from({ length: rank }, (_, i) => site.dimOr(elements?.[i]));
}

function reshaped(site: Site<"Reshape">, shape: Shape, target: Shape): Shape {
  const dims: (Dim | undefined)[] = target.map((dim, i) => {
    if (dim !== 0 || site.attributes.allowzero !== 0) return dim === -1 ? undefined : dim;
    const kept = shape[i];
    if (kept === undefined)
      throw site.shape(`${showShape(target)} copies axis ${i}, which ${showShape(shape)} lacks`);
    return kept;
  });
  if (dims.some((dim) => typeof dim === "number" && dim < 0))
    throw site.shape(`${showShape(target)} has a negative size`);
  const known = dims.filter((dim) => dim !== undefined);
  const all = productOf(shape);
  const rest = productOf(known);
  const mismatch = () => site.shape(`${showShape(shape)} does not reshape to ${showShape(target)}`);
  if (known.length === dims.length) {
    if (typeof all === "number" && typeof rest === "number" && all !== rest) throw mismatch();
    return known;
  }
  if (known.length < dims.length - 1) throw site.shape(`${showShape(target)} leaves more than one size open`);
  const open = all === 0 && rest === 0 ? 0 : divideExactly(all, rest);
  if (open === undefined && typeof all === "number" && typeof rest === "number") throw mismatch();
  return dims.map((dim) => dim ?? site.dimOr(open));
}

function splitSizes(site: Site<"Split">, whole: Dim, parts: number): Dim[] {
  if (site.has(1)) {
    const sizes = site.known(1)?.elements;
    if (countOf(site, 1) !== parts) throw site.shape(`${countOf(site, 1)} sizes for ${parts} outputs`);
    const dims = Array.from({ length: parts }, (_, i) => site.dimOr(sizes?.[i]));
    const sum = sumOf(dims);
    if (typeof sum === "number" && typeof whole === "number" && sum !== whole)
      throw site.shape(`parts of [${dims.join(", ")}] do not make up ${whole}`);
    return dims;
  }
  if (site.attributes.num_outputs !== undefined && site.attributes.num_outputs !== parts) {
    throw site.attribute(`num_outputs is ${site.attributes.num_outputs}, but it has ${parts} outputs`);
  }
  if (typeof whole !== "number")
    return Array.from({ length: parts }, () => site.dimOr(divideExactly(whole, parts)));
  const size = Math.ceil(whole / parts);
  const last = whole - size * (parts - 1);
  if (last < 1) throw site.shape(`${whole} does not split into ${parts} parts`);
  return Array.from({ length: parts }, (_, i) => (i === parts - 1 ? last : size));
}

function resize(site: Site<"Resize">): readonly TensorType[] {
  const { dtype, shape } = site.input(0);
  const axes = site.axes(site.attributes.axes ?? shape.map((_, i) => i), shape.length);
  const result: Dim[] = [...shape];
  const sizes = site.has(3) ? site.known(3)?.elements : undefined;
  const scales = site.has(2) && !site.has(3) ? site.known(2)?.elements : undefined;
  const count = (sizes ?? scales)?.length;
  if (count !== undefined && count !== axes.length)
    throw site.shape(`${count} sizes or scales for ${axes.length} axes`);
  const policy = site.attributes.keep_aspect_ratio_policy;
  const kept = axes.map((axis) => shape[axis]);
  const common = policy === "stretch" || sizes === undefined ? undefined : commonScale(policy, kept, sizes);
  axes.forEach((axis, i) => {
    const dim = shape[axis];
    if (sizes !== undefined && policy !== "stretch") {
      const isKnown = common !== undefined && typeof dim === "number";
      result[axis] = site.dimOr(isKnown ? scaledSize(dim, common) : undefined);
      return;
    }
    const scale = scales?.[i];
    const scaled =
      typeof dim === "number" && typeof scale === "number"
        ? Math.floor(dim * scale)
        : Number.isInteger(scale)
          ? mulDims(dim, scale)
          : undefined;
    result[axis] = site.dimOr(sizes === undefined ? scaled : sizes[i]);
  });
  return [{ dtype, shape: result }];
}

/** Round and round: with more than the axis holds, ONNX Runtime reads past it, and its results differ from run to run. */
function checkWrap(site: Site<"Pad">, axis: number, pads: readonly (Dim | undefined)[]): void {
  const size = site.input(0).shape[axis];
  const wide = pads.find((pad) => typeof pad === "number" && typeof size === "number" && pad > size);
  if (wide === undefined) return;
  throw site.shape(
    `wrapping ${wide} elements around axis ${axis} takes more than its ${size}: pad in several nodes, each by no more than the axis holds`,
  );
}
