/** Losses between the model's output and a target of the same shape, element by element; the mean is over all. */
import type { LossSettings } from "@pingo/core";
import { type Emitter, sizeOf, type Value } from "../rules/emitter.ts";
import { type Binding, fitsButForOnes, flat, type ObjectiveRule, type ObjectiveSite } from "./objective.ts";

/** f32[elements] each; made anew by each call, and dropped where nothing uses them. */
interface Terms {
  readonly losses: Value;
  /** ∂ℓ/∂output */
  readonly slope: () => Value;
  readonly correct?: Value;
}

type Element = (emit: Emitter, output: Value, target: Value, settings: LossSettings) => Terms;

function elementwise(element: Element): ObjectiveRule {
  return { target: "numbers", bind: (site) => bind(element, site) };
}

function bind(element: Element, { output: shape, target, settings }: ObjectiveSite): Binding {
  if (!fitsButForOnes(shape, target)) {
    return { why: `it is [${shape}] for targets of [${target}]; wanted is the same shape` };
  }
  return {
    targetShape: shape,
    emit: (emit, output, wanted) => {
      const { slope, losses, ...rest } = element(emit, flat(emit, output), flat(emit, wanted), settings);
      return {
        ...rest,
        losses,
        loss: () => emit.mean(losses, [0]),
        gradient: () => emit.reshape(emit.scale(slope(), 1 / sizeOf(shape)), shape),
      };
    },
  };
}

export const meanSquaredError = elementwise((emit, output, target) => {
  const difference = emit.sub(output, target);
  return { losses: emit.square(difference), slope: () => emit.scale(difference, 2) };
});

export const meanAbsoluteError = elementwise((emit, output, target) => {
  const difference = emit.sub(output, target);
  return { losses: emit.unary("Abs", difference), slope: () => emit.unary("Sign", difference) };
});

// c = clamp(d, −δ, δ): ℓ = c·(d − c/2), which is d²/2 inside and δ(|d| − δ/2) outside; the slope is c.
export const huber = elementwise((emit, output, target, { delta = 1 }) => {
  const difference = emit.sub(output, target);
  const above = emit.binary("Max", difference, emit.scalar(-delta));
  const cut = emit.binary("Min", above, emit.scalar(delta));
  return { losses: emit.mul(cut, emit.sub(difference, emit.scale(cut, 0.5))), slope: () => cut };
});

// ℓ = (1 − t)z + (1 + (w − 1)t)·ln(1 + e^(−z)), so ℓ' = (1 + (w − 1)t)·σ(z) − wt
const logisticLoss = elementwise((emit, z, t, { positiveWeight = 1 }) => {
  const weight = emit.shift(emit.scale(t, positiveWeight - 1), 1);
  const tail = emit.node("Softplus", [emit.neg(z)], {}, "float32", z.shape);
  const isYes = emit.compare("Greater", z, emit.scalar(0));
  const wantsYes = emit.compare("Greater", t, emit.scalar(0.5));
  return {
    losses: emit.add2(emit.mul(emit.minusFrom(1, t), z), emit.mul(weight, tail)),
    slope: () => emit.sub(emit.mul(weight, emit.unary("Sigmoid", z)), emit.scale(t, positiveWeight)),
    correct: emit.node(
      "Not",
      [emit.node("Xor", [isYes, wantsYes], {}, "bool", z.shape)],
      {},
      "bool",
      z.shape,
    ),
  };
});
export const binaryCrossEntropy: ObjectiveRule = { ...logisticLoss, applies: "Sigmoid" };
