/**
 * The optimizer's step for all parameters, and what the steps carry of them.
 *
 * Biases and scales are many and short: each node of their steps costs more than its arithmetic. Element by element
 * they are the same, so those that share rate and decay are carried and stepped as one vector, to the same bits.
 */
import type { AnyNode } from "../graph/graph.ts";
import type { OptimizerRule, Trained, Updated } from "../optimizer/rule.ts";
import { at, type Emitter, range, sizeOf, type Value } from "../rules/emitter.ts";
import { type Part, type State, viewsOf } from "./carried-state.ts";

/** Longer ones cost more to join than their nodes do. */
const JOINED_LENGTH_MAX = 4096;

export interface ParameterUpdate extends Trained {
  /** In the signature. */
  readonly index: number;
  readonly isDecayed: boolean;
  /** Of the learning rate. */
  readonly factor: number;
  /** As the model reads it. */
  readonly weight: Value;
  readonly gradient: Value;
  /** Names of what the optimizer keeps. */
  readonly slots: readonly string[];
}

export interface ParameterUpdates {
  readonly states: readonly State[];
  /** Make the weights that the model reads of those that are carried. */
  readonly views: readonly AnyNode[];
}

/** Leaves the nodes of the steps in `emit`. */
export function updateParameters(
  emit: Emitter,
  rule: OptimizerRule,
  { rate, number }: { readonly rate: Value; readonly number: Value },
  updates: readonly ParameterUpdate[],
): ParameterUpdates {
  // What is the same for all parameters of one learning rate is emitted once.
  const stepByFactor = new Map<number, ReturnType<OptimizerRule["begin"]>>();
  const stepAt = (factor: number) => {
    const known = stepByFactor.get(factor) ?? rule.begin(emit, emit.scale(rate, factor), number);
    stepByFactor.set(factor, known);
    return known;
  };
  const groups = joinedGroups(updates);
  const joined = new Set(groups.flat());
  const rows = new Map<ParameterUpdate, Value>();
  const signs: Value[] = [];
  const result: { states: State[]; views: AnyNode[] } = { states: [], views: [] };
  const step = (members: readonly ParameterUpdate[], shape: readonly number[], gradient: Value) => {
    const { index, weight, slots, isTable, isDecayed, factor } = at(members, 0);
    const isItself = members.length === 1 && shape === weight.shape;
    const own: Value = isItself ? weight : { ...weight, name: `kept/w/${index}`, shape };
    const kept = slots.map((slot): Value => ({ ...own, name: `kept/${slot}/${index}` }));
    const traits = { shape, isTable, isDecayed };
    const next = stepAt(factor)({ ...traits, weight: own, gradient, slots: kept });
    const inside = members.map((member): Part => member.weight);
    for (const view of viewsOf(emit, own, inside)) result.views.push(view);
    result.states.push(...statesOf(members, { weight: own, slots: kept }, next));
    return next.weight;
  };
  for (const update of updates) {
    if (joined.has(update)) {
      rows.set(update, emit.reshape(update.gradient, [1, sizeOf(update.shape)]));
      continue;
    }
    const shape = carriedShape(update.shape);
    const next = step([update], shape, emit.reshape(update.gradient, shape));
    if (groups.length > 0 && sizeOf(shape) > 0) signs.push(signOf(emit, next));
  }
  const gradients = joinedGradients(
    emit,
    groups.map((members) => members.map((member) => rows.get(member) ?? member.gradient)),
    signs,
  );
  for (const [i, members] of groups.entries()) {
    const gradient = at(gradients, i);
    step(members, gradient.shape, gradient);
  }
  return result;
}

function statesOf(members: readonly ParameterUpdate[], own: Updated, next: Updated): readonly State[] {
  const partsOf = (what: string) =>
    members.map(({ index, weight }): Part => ({ name: `${what}/${index}`, shape: weight.shape }));
  return [
    { parts: partsOf("w"), value: own.weight, next: next.weight },
    ...at(members, 0).slots.map((slot, k) => ({
      parts: partsOf(slot),
      value: at(own.slots, k),
      next: at(next.slots, k),
    })),
  ];
}

/** Two and more that are stepped alike. */
function joinedGroups(updates: readonly ParameterUpdate[]): readonly (readonly ParameterUpdate[])[] {
  const short = updates.filter(
    ({ shape, isTable }) => shape.length === 1 && !isTable && sizeOf(shape) <= JOINED_LENGTH_MAX,
  );
  const groups = Map.groupBy(short, ({ factor, isDecayed }) => `${factor} ${isDecayed}`);
  return [...groups.values()].filter(({ length }) => length > 1);
}

/**
 * The gradients of each group as a vector.
 *
 * ONNX Runtime runs depth first, back from what nobody reads, of several inputs the one written last first
 * (execution-order.ts). Alone, the joined gradients would have it go all the way back through the model, while the
 * gradients of the other weights waited, and with them all that they read. So they are joined with a sign from each of those, and as signs and
 * rows are written in the order of the parameters, a layer's weight and vectors are done before the layer's below.
 *
 * @param rows   f32[1, n] for each member of each group
 * @param signs  f32[1, 1]
 */
function joinedGradients(
  emit: Emitter,
  rows: readonly (readonly Value[])[],
  signs: readonly Value[],
): readonly Value[] {
  if (rows.length === 0) return [];
  const lengths = rows.map((row) => row.reduce((sum, { shape }) => sum + sizeOf(shape), 0));
  const all = emit.concat([...rows.flat(), ...signs], 1);
  const sizes = signs.length > 0 ? [...lengths, signs.length] : lengths;
  const vectors = emit.split(emit.reshape(all, [sizeOf(all.shape)]), 0, sizes);
  return vectors.slice(0, rows.length);
}

/** One element, f32[1, 1], which is there when the value is. */
function signOf(emit: Emitter, value: Value): Value {
  const place = range(value.shape.length).map(() => 0n);
  const data = BigInt64Array.from(place);
  const first = emit.constant({ dtype: "int64", shape: [1, 1, place.length], data });
  return emit.node("GatherND", [value, first], { batch_dims: 0 }, value.dtype, [1, 1]);
}

/**
 * The shape that a parameter is carried in: without the axes of 1 that a kernel of one tap ends with, since ONNX Runtime
 * goes through such a tensor and a scalar element by element: 0.26 ms where 288×96 take 0.01 (1.30, Zen 4, 2026-11).
 * A number without an axis is a vector of one.
 */
function carriedShape(shape: readonly number[]): readonly number[] {
  if (shape.length === 0) return [1];
  const rank = 1 + shape.findLastIndex((size) => size !== 1);
  // A vector is no matrix, which some optimizers step in another way.
  return rank < 2 || rank === shape.length ? shape : shape.slice(0, rank);
}
