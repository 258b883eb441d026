/**
 * Optimizers and the learning rate over a run, as a job names them.
 *
 * Exactly one of the optimizers is given; the engine's table of them is autograd's.
 */
import { z } from "zod";
import { zPattern, zPatterns } from "./pattern.ts";

export interface AdamW {
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
}

export interface Sgd {
  readonly learningRate: number;
  readonly weightDecay: number;
  /** 0 keeps no state. */
  readonly momentum: number;
  readonly nesterov: boolean;
}

export interface Lion {
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly beta1: number;
  readonly beta2: number;
}

/** Matrices by Muon, everything else by AdamW with the same rate: Muon's steps are scaled to AdamW's size. */
export interface Muon extends AdamW {
  readonly momentum: number;
}

export interface OptimizerSettings {
  readonly adamw: AdamW;
  readonly sgd: Sgd;
  readonly lion: Lion;
  readonly muon: Muon;
}

export type OptimizerKind = keyof OptimizerSettings;
export const OPTIMIZER_KINDS: readonly OptimizerKind[] = ["adamw", "sgd", "lion", "muon"];
export const EXPECTED_OPTIMIZERS = `expected exactly one of ${OPTIMIZER_KINDS.join(", ")}`;

export interface Optimizer extends Partial<OptimizerSettings> {
  /** Gradients are scaled down where their norm, over all parameters together, is larger. */
  readonly clipNorm?: number;
  /** Absent: constant. */
  readonly schedule?: LearningRateSchedule;
  /** Which parameters weight decay acts on; absent: those with two axes or more. */
  readonly decay?: DecayMask;
  /** Learning rates of their own: the first that fits a parameter's name counts. */
  readonly rates?: readonly RateFactor[];
}

/** Patterns over the names of parameters. */
export interface DecayMask {
  /** In place of those with two axes or more. */
  readonly only?: readonly string[];
  readonly exclude?: readonly string[];
}

export interface RateFactor {
  readonly pattern: string;
  /** Of the learning rate, whatever its schedule. */
  readonly factor: number;
}

export interface LearningRateSchedule {
  /** How the rate falls after the warm-up. */
  readonly kind: "constant" | "cosine" | "linear";
  /** Steps over which the rate rises linearly from zero, counted over the whole run. */
  readonly warmupSteps: number;
  /** Share of the rate that is left at the end of the run. */
  readonly finalFactor: number;
}

const zRate = z.number().positive().max(10);
const zDecay = z.number().min(0).max(10);
const zBeta = z.number().min(0).lt(1);

export const zAdamW = z.strictObject({
  learningRate: zRate,
  weightDecay: zDecay,
  beta1: zBeta,
  beta2: zBeta,
  epsilon: z.number().positive().max(1),
});
export const zSgd = z.strictObject({
  learningRate: zRate,
  weightDecay: zDecay,
  momentum: zBeta,
  nesterov: z.boolean(),
});
export const zLion = z.strictObject({
  learningRate: zRate,
  weightDecay: zDecay,
  beta1: zBeta,
  beta2: zBeta,
});
export const zMuon = z.strictObject({ ...zAdamW.shape, momentum: zBeta });
export const zClipNorm = z.number().positive().max(1e6);
export const zLearningRateSchedule = z.strictObject({
  kind: z.enum(["constant", "cosine", "linear"]),
  warmupSteps: z.int().min(0).max(1e9),
  finalFactor: z.number().min(0).max(1),
});

export const zDecayMask = z
  .strictObject({ only: zPatterns.exactOptional(), exclude: zPatterns.exactOptional() })
  .refine(({ only, exclude }) => (only ?? exclude) !== undefined, "expected only, exclude or both");
export const zRateFactor = z.number().positive().max(1_000);
export const RATES_MAX = 64;

export const zOptimizer: z.ZodType<Optimizer> = z
  .strictObject({
    adamw: zAdamW.exactOptional(),
    sgd: zSgd.exactOptional(),
    lion: zLion.exactOptional(),
    muon: zMuon.exactOptional(),
    clipNorm: zClipNorm.exactOptional(),
    schedule: zLearningRateSchedule.exactOptional(),
    decay: zDecayMask.exactOptional(),
    rates: z
      .array(z.strictObject({ pattern: zPattern, factor: zRateFactor }))
      .min(1)
      .max(RATES_MAX)
      .exactOptional(),
  })
  .refine(namesOneOptimizer, EXPECTED_OPTIMIZERS);

/** Whether exactly one optimizer is named. */
export function namesOneOptimizer(optimizer: { readonly [K in OptimizerKind]?: unknown }): boolean {
  return OPTIMIZER_KINDS.filter((kind) => optimizer[kind] !== undefined).length === 1;
}

/** Before the schedule. */
export function learningRateOf(optimizer: Optimizer): number {
  const rates = OPTIMIZER_KINDS.flatMap((kind) => optimizer[kind]?.learningRate ?? []);
  return rates[0] ?? 0;
}

/**
 * What the learning rate is multiplied by at one step of a run.
 *
 * @param step  0 for the first of `steps`
 */
export function learningRateFactor(schedule: LearningRateSchedule, step: number, steps: number): number {
  const { kind, warmupSteps, finalFactor } = schedule;
  if (step < warmupSteps) return (step + 1) / warmupSteps;
  const progress = Math.min(1, (step - warmupSteps) / Math.max(1, steps - warmupSteps));
  return finalFactor + (1 - finalFactor) * REMAINING[kind](progress);
}

/** Of 1 at progress 0, and of 0 at progress 1 for those that fall. */
const REMAINING: { readonly [K in LearningRateSchedule["kind"]]: (progress: number) => number } = {
  constant: () => 1,
  linear: (progress) => 1 - progress,
  cosine: (progress) => (1 + Math.cos(Math.PI * progress)) / 2,
};
