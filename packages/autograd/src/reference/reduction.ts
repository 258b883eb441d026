/** Operators that look along axes. */
import type { ReductionAttributes } from "../graph/ops/reduction.ts";
import type { OpKind } from "../graph/ops.ts";
import type { Evaluate, Evaluations, Step } from "./step.ts";
import {
  flatOf,
  groupsAlong,
  indexOf,
  isReals,
  type ReferenceValue,
  reals,
  sizeOf,
  take,
  wholes,
} from "./value.ts";

type ReduceOp = Extract<OpKind, `Reduce${string}`>;

interface Reduction {
  readonly real: (xs: readonly number[]) => number;
  readonly whole?: (xs: readonly bigint[]) => bigint;
}

const sum = (xs: readonly number[]): number => xs.reduce((total, x) => total + x, 0);
const sumWholes = (xs: readonly bigint[]): bigint => xs.reduce((total, x) => total + x, 0n);
const largest = (xs: readonly number[]): number =>
  xs.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);

/** ln Σ eˣ, the largest taken out first. */
function logSumExp(xs: readonly number[]): number {
  const top = largest(xs);
  if (!Number.isFinite(top)) return top;
  return top + Math.log(sum(xs.map((x) => Math.exp(x - top))));
}

function reduce<K extends ReduceOp>({ real, whole }: Reduction): Evaluate<K> {
  return (step) => {
    const x = step.x();
    const given = step.has(1) ? step.numbers(1).map((axis) => step.axis(axis)) : [];
    const isEach = step.attributes.noop_with_empty_axes !== 0; // then no axes mean each element by itself
    const axes = given.length > 0 || isEach ? given : x.shape.map((_, axis) => axis);
    const groups = groupsAlong(x.shape, axes);
    if (isReals(x)) return [reals(x.dtype, step.shape(), (i) => real(groups[i]!.map((at) => x.data[at]!)))];
    if (whole === undefined) throw step.refuse(`of ${x.dtype} it is not defined here; insert a Cast`);
    return [wholes(x.dtype, step.shape(), (i) => whole(groups[i]!.map((at) => x.data[at]!)))];
  };
}

function argument<K extends "ArgMax" | "ArgMin">(sign: 1 | -1): Evaluate<K> {
  return (step) => {
    const x = step.x();
    const groups = groupsAlong(x.shape, [step.axis(step.attributes.axis)]);
    const isLast = step.attributes.select_last_index !== 0;
    return [
      wholes("int64", step.shape(), (i) => {
        let best = 0;
        const group = groups[i]!.map((at) => x.data[at]!);
        group.forEach((value, at) => {
          const isBetter = sign > 0 ? value > group[best]! : value < group[best]!;
          if (isBetter || (isLast && value === group[best])) best = at;
        });
        return BigInt(best);
      }),
    ];
  };
}

/** Real numbers along one axis, each list replaced by another of the same length. */
function along(
  step: Step,
  axis: number,
  map: (xs: readonly number[]) => readonly number[],
): ReferenceValue[] {
  const { dtype, shape, data } = step.reals();
  const result = new Float64Array(data.length);
  for (const group of groupsAlong(shape, [step.axis(axis)])) {
    const mapped = map(group.map((at) => data[at]!));
    group.forEach((at, i) => {
      result[at] = mapped[i]!;
    });
  }
  return [{ dtype, shape, data: result }];
}

function logSoftmax(xs: readonly number[]): number[] {
  const total = logSumExp(xs);
  return xs.map((x) => x - total);
}

function cumulativeSum(step: Step<"CumSum">): readonly ReferenceValue[] {
  const { exclusive, reverse } = step.attributes;
  const x = step.x();
  const groups = groupsAlong(x.shape, [step.axis(step.numbers(1)[0]!)]);
  const places = reverse === 0 ? groups : groups.map((group) => group.toReversed());
  // Each element is the sum of the `count` first of its group.
  const terms = new Map<number, readonly number[]>();
  for (const group of places) {
    for (const [i, at] of group.entries()) terms.set(at, group.slice(0, exclusive === 0 ? i + 1 : i));
  }
  if (isReals(x)) return [reals(x.dtype, x.shape, (i) => sum(terms.get(i)!.map((at) => x.data[at]!)))];
  return [wholes(x.dtype, x.shape, (i) => sumWholes(terms.get(i)!.map((at) => x.data[at]!)))];
}

/** Of equal elements the first comes first. */
function topK(step: Step<"TopK">): readonly ReferenceValue[] {
  const [x, shape] = [step.x(), step.shape()];
  const axis = step.axis(step.attributes.axis);
  const isLargest = step.attributes.largest !== 0;
  const compare = (a: number, b: number): number => {
    const [p, q] = [x.data[a]!, x.data[b]!];
    return p === q ? a - b : p > q === isLargest ? -1 : 1;
  };
  const orders = groupsAlong(x.shape, [axis]).map((places) => ({
    first: places[0] ?? 0,
    sorted: places.toSorted(compare),
  }));
  const stride = sizeOf(x.shape.slice(axis + 1));
  const orderOf = (flat: number) => {
    const index = indexOf(flat, shape);
    const order = orders[flatOf(index.toSpliced(axis, 1), shape.toSpliced(axis, 1))]!;
    return { place: order.sorted[index[axis]!]!, first: order.first };
  };
  return [
    take(x, shape, (flat) => orderOf(flat).place),
    wholes("int64", shape, (flat) => {
      const { place, first } = orderOf(flat);
      return BigInt((place - first) / stride);
    }),
  ];
}

export const reductionEvaluations: Evaluations<keyof ReductionAttributes> = {
  ReduceL1: reduce({
    real: (xs) => sum(xs.map(Math.abs)),
    whole: (xs) => sumWholes(xs.map((x) => (x < 0n ? -x : x))),
  }),
  ReduceL2: reduce({ real: (xs) => Math.sqrt(sum(xs.map((x) => x * x))) }),
  ReduceLogSum: reduce({ real: (xs) => Math.log(sum(xs)) }),
  ReduceLogSumExp: reduce({ real: logSumExp }),
  ReduceMax: reduce({ real: largest, whole: (xs) => xs.reduce((a, b) => (a > b ? a : b)) }),
  ReduceMean: reduce({
    real: (xs) => sum(xs) / xs.length,
    whole: (xs) => sumWholes(xs) / BigInt(xs.length),
  }),
  ReduceMin: reduce({
    real: (xs) => -largest(xs.map((x) => -x)),
    whole: (xs) => xs.reduce((a, b) => (a < b ? a : b)),
  }),
  ReduceProd: reduce({
    real: (xs) => xs.reduce((a, b) => a * b, 1),
    whole: (xs) => xs.reduce((a, b) => a * b, 1n),
  }),
  ReduceSum: reduce({ real: sum, whole: sumWholes }),
  ReduceSumSquare: reduce({
    real: (xs) => sum(xs.map((x) => x * x)),
    whole: (xs) => sumWholes(xs.map((x) => x * x)),
  }),
  ArgMax: argument(1),
  ArgMin: argument(-1),
  CumSum: cumulativeSum,
  Hardmax: (step) =>
    along(step, step.attributes.axis, (xs) => {
      const best = xs.indexOf(largest(xs));
      return xs.map((_, i) => (i === best ? 1 : 0));
    }),
  TopK: topK,
  Softmax: (step) => along(step, step.attributes.axis, (xs) => logSoftmax(xs).map(Math.exp)),
  LogSoftmax: (step) => along(step, step.attributes.axis, logSoftmax),
};
