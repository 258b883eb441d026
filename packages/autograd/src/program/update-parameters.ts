/**
 * The optimizer's step for all parameters.
 *
 * Vectors are many and short: biases, scales. Their steps are the same element by element, so those that share rate and
 * decay are joined into one: a GPT of four layers has 350 nodes fewer, each of which costs more than its arithmetic.
 */
import { assertDefined, type Optimizer } from "@pingo/core";
import { optimizerRule } from "../optimizer/optimizers.ts";
import type { OptimizerRule, Update, Updated } from "../optimizer/rule.ts";
import { at, type Emitter, sizeOf, type Value } from "../rules/emitter.ts";

/** Joining copies: longer ones gain less than that costs. */
const JOINED_LENGTH_MAX = 4096;

export interface ParameterUpdate extends Update {
  /** Of the learning rate. */
  readonly factor: number;
}

/** @returns one for each of `updates`, in their order */
export function updateParameters(
  emit: Emitter,
  optimizer: Optimizer,
  { rate, number }: { readonly rate: Value; readonly number: Value },
  updates: readonly ParameterUpdate[],
): readonly Updated[] {
  const rule = optimizerRule(optimizer);
  // What is the same for all parameters of one learning rate is emitted once.
  const stepByFactor = new Map<number, ReturnType<OptimizerRule["begin"]>>();
  const stepAt = (factor: number) => {
    const known = stepByFactor.get(factor) ?? rule.begin(emit, emit.scale(rate, factor), number);
    stepByFactor.set(factor, known);
    return known;
  };
  const updated = new Map<ParameterUpdate, Updated>();
  for (const group of Map.groupBy(updates, groupOf).values()) {
    const step = stepAt(at(group, 0).factor);
    const results = group.length === 1 ? [step(at(group, 0))] : joinedStep(emit, step, group);
    for (const [i, update] of group.entries()) updated.set(update, at(results, i));
  }
  return updates.map((update) => assertDefined(updated.get(update), update.weight.name));
}

/** Those of one group may be joined. */
function groupOf(update: ParameterUpdate): string {
  const { factor, isDecayed, isTable, shape, slots, weight } = update;
  const isShort = shape.length === 1 && !isTable && sizeOf(shape) <= JOINED_LENGTH_MAX;
  return isShort ? `vectors ${factor} ${isDecayed} ${slots.length}` : `one ${weight.name}`;
}

function joinedStep(
  emit: Emitter,
  step: (update: Update) => Updated,
  group: readonly ParameterUpdate[],
): readonly Updated[] {
  const first = at(group, 0);
  const sizes = group.map(({ shape }) => sizeOf(shape));
  const joined = (read: (update: ParameterUpdate) => Value) => emit.concat(group.map(read), 0);
  const weight = joined((update) => update.weight);
  const next = step({
    ...first,
    shape: weight.shape,
    weight,
    gradient: joined((update) => update.gradient),
    slots: first.slots.map((_, k) => joined(({ slots }) => at(slots, k))),
  });
  const weights = emit.split(next.weight, 0, sizes);
  const slots = next.slots.map((slot) => emit.split(slot, 0, sizes));
  return group.map((_, i) => ({ weight: at(weights, i), slots: slots.map((parts) => at(parts, i)) }));
}
