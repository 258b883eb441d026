/** Operators that move elements without looking at them. */
import type { MovementAttributes } from "../graph/ops/movement.ts";
import { sliceOf } from "../graph/slice.ts";
import { resize } from "./resize.ts";
import type { Evaluate, Evaluations, Step } from "./step.ts";
import {
  broadcastFrom,
  flatOf,
  indexOf,
  isReals,
  type ReferenceValue,
  reals,
  reshaped,
  take,
  wholes,
} from "./value.ts";

const reshape: Evaluate<"Flatten" | "Reshape" | "Squeeze" | "Unsqueeze"> = (step) => [
  reshaped(step.x(), step.shape()),
];

/** The element that comes from the place that `from` gives for its own; undefined: from none. */
function moved(
  step: Step,
  from: (index: readonly number[]) => readonly number[] | undefined,
  fill?: number | bigint,
): readonly ReferenceValue[] {
  const [x, shape] = [step.x(), step.shape()];
  const source = (flat: number): number => {
    const index = from(indexOf(flat, shape));
    return index === undefined ? -1 : flatOf(index, x.shape);
  };
  return [take(x, shape, source, fill)];
}

export const movementEvaluations: Evaluations<keyof MovementAttributes> = {
  Flatten: reshape,
  ReverseSequence: (step) => {
    const { batch_axis: batch, time_axis: time } = step.attributes;
    const lengths = step.numbers(1);
    return moved(step, (index) => {
      const [length, t] = [lengths[index[batch]!]!, index[time]!];
      return t < length ? index.with(time, length - 1 - t) : index;
    });
  },
  Reshape: reshape,
  Squeeze: reshape,
  Unsqueeze: reshape,
  Resize: resize,
  Concat: concat,
  DepthToSpace: (step) => {
    const { blocksize: by, mode } = step.attributes;
    const channels = step.shape()[1]!;
    return moved(step, ([n = 0, c = 0, h = 0, w = 0]) => {
      const block = (h % by) * by + (w % by);
      const channel = mode === "DCR" ? block * channels + c : c * by * by + block;
      return [n, channel, Math.trunc(h / by), Math.trunc(w / by)];
    });
  },
  SpaceToDepth: (step) => {
    const { blocksize: by } = step.attributes;
    const channels = step.x().shape[1]!;
    return moved(step, ([n = 0, c = 0, h = 0, w = 0]) => {
      const block = Math.trunc(c / channels);
      return [n, c % channels, h * by + Math.trunc(block / by), w * by + (block % by)];
    });
  },
  Expand: (step) => [take(step.x(), step.shape(), broadcastFrom(step.x().shape, step.shape()))],
  Pad: pad,
  Slice: slice,
  Split: split,
  Tile: (step) => moved(step, (index) => index.map((at, axis) => at % step.x().shape[axis]!)),
  Transpose: (step) => {
    const { perm } = step.attributes;
    const inverse = perm.map((_, axis) => perm.map((one) => step.axis(one)).indexOf(axis));
    return moved(step, (index) => inverse.map((axis) => index[axis]!));
  },
  Trilu: (step) => {
    const diagonal = step.has(1) ? step.numbers(1)[0]! : 0;
    const { upper } = step.attributes;
    return moved(step, (index) => {
      const above = index.at(-1)! - index.at(-2)!;
      const isKept = upper === 0 ? above <= diagonal : above >= diagonal;
      return isKept ? index : undefined;
    });
  },
};

function concat(step: Step<"Concat">): readonly ReferenceValue[] {
  const axis = step.axis(step.attributes.axis);
  const parts = step.all();
  const pick = (flat: number): number | bigint => {
    const index = indexOf(flat, step.shape());
    let at = index[axis]!;
    let part = 0;
    while (at >= parts[part]!.shape[axis]!) at -= parts[part++]!.shape[axis]!;
    return parts[part]!.data[flatOf(index.with(axis, at), parts[part]!.shape)]!;
  };
  const first = step.x();
  if (isReals(first)) return [reals(first.dtype, step.shape(), (flat) => Number(pick(flat)))];
  return [wholes(first.dtype, step.shape(), (flat) => BigInt(pick(flat)))];
}

function split(step: Step<"Split">): readonly ReferenceValue[] {
  const axis = step.axis(step.attributes.axis);
  const x = step.x();
  let start = 0;
  return step.node.outputs.map((_, output) => {
    const shape = step.shape(output);
    const from = start;
    start += shape[axis]!;
    return take(x, shape, (flat) => {
      const index = indexOf(flat, shape);
      return flatOf(index.with(axis, index[axis]! + from), x.shape);
    });
  });
}

function slice(step: Step<"Slice">): readonly ReferenceValue[] {
  const { shape } = step.x();
  const starts = step.numbers(1);
  const ends = step.numbers(2);
  const axes = step.has(3) ? step.numbers(3).map((axis) => step.axis(axis)) : starts.map((_, axis) => axis);
  const steps = step.has(4) ? step.numbers(4) : starts.map(() => 1);
  const firsts = axes.map((axis, i) => sliceOf(shape[axis]!, starts[i], ends[i], steps[i])?.start ?? 0);
  return moved(step, (index) => {
    const from = [...index];
    axes.forEach((axis, i) => {
      from[axis] = firsts[i]! + index[axis]! * steps[i]!;
    });
    return from;
  });
}

function pad(step: Step<"Pad">): readonly ReferenceValue[] {
  const { shape } = step.x();
  const pads = step.numbers(1);
  const axes = step.has(3) ? step.numbers(3).map((axis) => step.axis(axis)) : shape.map((_, axis) => axis);
  const fill = step.has(2) ? step.x(2).data[0]! : 0;
  const begins = shape.map((_, axis) => (axes.includes(axis) ? pads[axes.indexOf(axis)]! : 0));
  return moved(
    step,
    (index) => {
      const from = index.map((at, axis) => padSource(step.attributes.mode, at - begins[axis]!, shape[axis]!));
      return from.includes(-1) ? undefined : from;
    },
    fill,
  );
}

/** −1: the constant. */
function padSource(mode: Step<"Pad">["attributes"]["mode"], at: number, size: number): number {
  if (at >= 0 && at < size) return at;
  switch (mode) {
    case "constant":
      return -1;
    case "edge":
      return at < 0 ? 0 : size - 1;
    case "wrap":
      return ((at % size) + size) % size;
    case "reflect": {
      const period = Math.max(1, 2 * (size - 1));
      const inPeriod = ((at % period) + period) % period;
      return inPeriod < size ? inPeriod : period - inPeriod;
    }
  }
}
