/** Operators that pick, place or make elements by index. */
import type { IndexingAttributes, ScatterReduction } from "../graph/ops/indexing.ts";
import type { Evaluations, Step } from "./step.ts";
import {
  flatOf,
  indexOf,
  isReal,
  isReals,
  type ReferenceValue,
  reals,
  referenceOf,
  sizeOf,
  take,
  wholes,
} from "./value.ts";

export const indexingEvaluations: Evaluations<keyof IndexingAttributes> = {
  ConstantOfShape: (step) => [take(referenceOf(step.attributes.value), step.shape(), () => 0)],
  Compress: (step) => {
    const [x, shape] = [step.x(), step.shape()];
    const picked = step.numbers(1).flatMap((one, i) => (one === 0 ? [] : [i]));
    const { axis: given } = step.attributes;
    if (given === undefined) return [take(x, shape, (flat) => picked[flat]!)];
    const axis = step.axis(given);
    const from = (flat: number): number => {
      const index = indexOf(flat, shape);
      return flatOf(index.with(axis, picked[index[axis]!]!), x.shape);
    };
    return [take(x, shape, from)];
  },
  EyeLike: (step) => {
    const [dtype, shape] = [step.dtype(), step.shape()];
    const isOne = (flat: number): boolean => {
      const [row = 0, column = 0] = indexOf(flat, shape);
      return column - row === step.attributes.k;
    };
    if (isReal(dtype)) return [reals(dtype, shape, (flat) => Number(isOne(flat)))];
    return [wholes(dtype, shape, (flat) => BigInt(isOne(flat)))];
  },
  Gather: (step) => {
    const [x, indices, shape] = [step.x(), step.numbers(1), step.shape()];
    const axis = step.axis(step.attributes.axis);
    const indexRank = step.x(1).shape.length;
    return [
      take(x, shape, (flat) => {
        const at = indexOf(flat, shape);
        const picked = indices[flatOf(at.slice(axis, axis + indexRank), step.x(1).shape)]!;
        return flatOf(at.toSpliced(axis, indexRank, step.place(picked, x.shape[axis]!)), x.shape);
      }),
    ];
  },
  GatherElements: (step) => {
    const [x, indices, shape] = [step.x(), step.numbers(1), step.shape()];
    const axis = step.axis(step.attributes.axis);
    return [
      take(x, shape, (flat) =>
        flatOf(indexOf(flat, shape).with(axis, step.place(indices[flat]!, x.shape[axis]!)), x.shape),
      ),
    ];
  },
  GatherND: (step) => {
    const [x, indices, shape] = [step.x(), step.x(1), step.shape()];
    const batch = step.attributes.batch_dims;
    const depth = indices.shape.at(-1)!;
    const lead = indices.shape.slice(0, -1);
    const numbers = step.numbers(1);
    return [
      take(x, shape, (flat) => {
        const at = indexOf(flat, shape);
        const start = flatOf(at.slice(0, lead.length), lead) * depth;
        const picked = numbers
          .slice(start, start + depth)
          .map((index, i) => step.place(index, x.shape[batch + i]!));
        return flatOf([...at.slice(0, batch), ...picked, ...at.slice(lead.length)], x.shape);
      }),
    ];
  },
  NonZero: (step) => {
    const x = step.x();
    const places = step.numbers(0).flatMap((element, at) => (element === 0 ? [] : [at]));
    const shape = [x.shape.length, places.length];
    return [
      wholes("int64", shape, (flat) => {
        const [axis = 0, which = 0] = indexOf(flat, shape);
        return BigInt(indexOf(places[which]!, x.shape)[axis]!);
      }),
    ];
  },
  OneHot: (step) => {
    const [indices, values, shape] = [step.numbers(0), step.x(2), step.shape()];
    const axis = step.axis(step.attributes.axis, shape.length);
    return [
      take(values, shape, (flat) => {
        const at = indexOf(flat, shape);
        const index = Math.trunc(indices[flatOf(at.toSpliced(axis, 1), step.x(0).shape)]!);
        const depth = shape[axis]!;
        return (index < 0 ? index + depth : index) === at[axis] ? 1 : 0;
      }),
    ];
  },
  Range: (step) => {
    const [start, , delta] = [step.x(0), step.x(1), step.x(2)];
    const dtype = step.dtype();
    if (isReal(dtype)) {
      return [reals(dtype, step.shape(), (i) => Number(start.data[0]!) + i * Number(delta.data[0]!))];
    }
    return [wholes(dtype, step.shape(), (i) => BigInt(start.data[0]!) + BigInt(i) * BigInt(delta.data[0]!))];
  },
  ScatterElements: (step) => {
    const x = step.x();
    const axis = step.axis(step.attributes.axis);
    const { shape } = step.x(1);
    const targets = step
      .numbers(1)
      .map((index, flat) =>
        flatOf(indexOf(flat, shape).with(axis, step.place(index, x.shape[axis]!)), x.shape),
      );
    return [scattered(step, targets, step.attributes.reduction)];
  },
  ScatterND: (step) => {
    const [x, indices] = [step.x(), step.x(1)];
    const depth = indices.shape.at(-1)!;
    const block = sizeOf(x.shape.slice(depth));
    const numbers = step.numbers(1);
    const targets = Array.from({ length: step.x(2).data.length }, (_, flat) => {
      const start = Math.trunc(flat / block) * depth;
      const lead = numbers.slice(start, start + depth).map((index, i) => step.place(index, x.shape[i]!));
      return flatOf(lead, x.shape.slice(0, depth)) * block + (flat % block);
    });
    return [scattered(step, targets, step.attributes.reduction)];
  },
  Shape: (step) => {
    const { start, end } = step.attributes;
    const { shape } = step.x();
    const sizes = shape.slice(start, end ?? shape.length);
    return [wholes("int64", [sizes.length], (i) => BigInt(sizes[i]!))];
  },
  Size: (step) => [wholes("int64", [], () => BigInt(step.x().data.length))],
};

/** Input 0 with the elements of input 2 put to these places, one after the other. */
function scattered(
  step: Step<"ScatterElements"> | Step<"ScatterND">,
  targets: readonly number[],
  reduction: ScatterReduction,
): ReferenceValue {
  const [x, updates] = [step.x(0), step.x(2)];
  if (isReals(x)) {
    const data = x.data.slice();
    targets.forEach((target, i) => {
      data[target] = REAL_UPDATES[reduction](data[target]!, Number(updates.data[i]!));
    });
    return { ...x, data };
  }
  const data = x.data.slice();
  targets.forEach((target, i) => {
    data[target] = WHOLE_UPDATES[reduction](data[target]!, BigInt(updates.data[i]!));
  });
  return wholes(x.dtype, x.shape, (i) => data[i]!);
}

const REAL_UPDATES: { readonly [R in ScatterReduction]: (old: number, update: number) => number } = {
  none: (_, update) => update,
  add: (old, update) => old + update,
  mul: (old, update) => old * update,
  max: Math.max,
  min: Math.min,
};

const WHOLE_UPDATES: { readonly [R in ScatterReduction]: (old: bigint, update: bigint) => bigint } = {
  none: (_, update) => update,
  add: (old, update) => old + update,
  mul: (old, update) => old * update,
  max: (old, update) => (old > update ? old : update),
  min: (old, update) => (old < update ? old : update),
};
