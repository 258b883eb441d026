/**
 * The shape of a job file, as its author writes it: units as text, defaults left out.
 *
 * What is not built yet is part of the shape only as far as needed to refuse it by name.
 * Design: docs/ARCHITECTURE.md §4.
 */
import {
  type Adaptation,
  checkObjective,
  EXPECTED_OPTIMIZERS,
  LIMITS,
  namesOneOptimizer,
  type Optimizer,
  parseBytes,
  parseMillicores,
  parsePingo,
  RATES_MAX,
  zAccumulate,
  zAdamW,
  zAveraging,
  zClipNorm,
  zDecayMask,
  zLearningRateSchedule,
  zLion,
  zLora,
  zLoss,
  zLossSettings,
  zMuon,
  zName,
  zOutputName,
  zPattern,
  zPatterns,
  zRateFactor,
  zSgd,
} from "@pingo/core";
import { guarded, quantity } from "@pingo/core/written";
import { z } from "zod";

/** Keys whose value the network will know later, and what to write until then. */
export const NOT_BUILT: readonly {
  readonly key: string;
  readonly values: readonly string[];
  /** What to write. */
  readonly instead: string;
}[] = [
  { key: "kind", values: ["Infer"], instead: 'write "kind: Train" or "kind: Run"' },
  {
    key: "verify.mode",
    values: ["adaptive", "always"],
    instead: 'leave "verify" out, or write "verify: { mode: none }"',
  },
];

export const zPath = z.string().min(1).max(4_096);

const zRates = z.strictObject({
  learningRate: zAdamW.shape.learningRate.default(0.001),
  weightDecay: zAdamW.shape.weightDecay.default(0.01),
});
const zMoments = z.strictObject({
  beta1: zAdamW.shape.beta1.default(0.9),
  beta2: zAdamW.shape.beta2.default(0.999),
  epsilon: zAdamW.shape.epsilon.default(1e-8),
});

const zOptimizerFile = z
  .strictObject({
    adamw: zRates.extend(zMoments.shape).exactOptional(),
    sgd: z
      .strictObject({
        learningRate: zSgd.shape.learningRate.default(0.01),
        weightDecay: zSgd.shape.weightDecay.default(0),
        momentum: zSgd.shape.momentum.default(0.9),
        nesterov: zSgd.shape.nesterov.default(true),
      })
      .exactOptional(),
    lion: z
      .strictObject({
        learningRate: zLion.shape.learningRate.default(0.0001),
        weightDecay: zLion.shape.weightDecay.default(0.1),
        beta1: zLion.shape.beta1.default(0.9),
        beta2: zLion.shape.beta2.default(0.99),
      })
      .exactOptional(),
    muon: zRates
      .extend(zMoments.shape)
      .extend({ momentum: zMuon.shape.momentum.default(0.95) })
      .exactOptional(),
    /** Longest gradient, over all parameters together. */
    clipNorm: zClipNorm.exactOptional(),
    schedule: z
      .strictObject({
        kind: zLearningRateSchedule.shape.kind,
        warmupSteps: zLearningRateSchedule.shape.warmupSteps.default(0),
        finalFactor: zLearningRateSchedule.shape.finalFactor.default(0),
      })
      .exactOptional(),
    decay: zDecayMask.exactOptional(),
    /** Factors of the learning rate, by pattern. */
    rates: z
      .record(zPattern, zRateFactor)
      .refine((rates) => Object.keys(rates).length <= RATES_MAX, `expected at most ${RATES_MAX} patterns`)
      .refine((rates) => Object.keys(rates).length > 0, "expected a pattern and its factor")
      .exactOptional(),
  })
  .refine(namesOneOptimizer, EXPECTED_OPTIMIZERS)
  .transform(({ rates, ...optimizer }): Optimizer => {
    if (rates === undefined) return optimizer;
    // In the file's order: the first pattern that fits a name counts.
    const factors = Object.entries(rates).map(([pattern, factor]) => ({ pattern, factor }));
    return { ...optimizer, rates: factors };
  });

const zObjectiveFile = z
  .strictObject({
    loss: zLoss,
    target: z.string().min(1).max(256),
    output: zOutputName.exactOptional(),
    metrics: z.array(z.literal("accuracy")).max(8).optional(),
    ...zLossSettings.shape,
  })
  .check(checkObjective);

const zResources = z.strictObject({
  cpu: quantity(parseMillicores).default(1_000),
  memory: quantity(parseBytes).default(512 * 2 ** 20),
});

const zAdaptFile = z
  .strictObject({
    lora: z.strictObject({
      rank: zLora.shape.rank.default(8),
      alpha: zLora.shape.alpha.exactOptional(),
      targets: zLora.shape.targets,
    }),
  })
  .transform(
    ({ lora: { rank, alpha = 2 * rank, targets } }): Adaptation => ({ lora: { rank, alpha, targets } }),
  );

export const zWorkersFile = z
  .strictObject({
    min: z.int().min(1).max(LIMITS.workersMax).default(1),
    max: z.int().min(1).max(LIMITS.workersMax).default(8),
    resources: zResources.prefault({}),
  })
  .refine((workers) => workers.min <= workers.max, {
    error: "min is larger than max",
    path: ["min"],
  });

export const zRetry = z.strictObject({ max: z.int().min(0).max(100).default(3) }).prefault({});
export const zBudget = z
  .union([z.string(), z.number()])
  .transform(guarded((text) => parsePingo(String(text)).toString()))
  .prefault("0 PINGO");
export const zSeed = z.int().min(0).max(0xffffffff).default(0);

export const zJobFile = z
  .strictObject({
    apiVersion: z.literal("pingo/v1"),
    kind: z.literal("Train"),
    name: zName,
    model: zPath,
    data: z.strictObject({ train: zPath, test: zPath.optional() }),
    objective: zObjectiveFile,
    optimizer: zOptimizerFile.prefault({ adamw: {} }),
    freeze: zPatterns.exactOptional(),
    alsoTrain: zPatterns.exactOptional(),
    adapt: zAdaptFile.exactOptional(),
    average: zAveraging.exactOptional(),
    schedule: z
      .strictObject({
        rounds: z.int().min(1).max(LIMITS.roundsMax),
        stepsPerRound: z.int().min(1).max(LIMITS.stepsPerRoundMax),
        batchSize: z.int().min(1).max(LIMITS.batchSizeMax),
        accumulate: zAccumulate.exactOptional(),
        secondsPerRound: z.number().positive().max(86_400).default(60),
      })
      .refine(({ batchSize, accumulate = 1 }) => batchSize % accumulate === 0, {
        error: "it cuts a batch into micro-batches of as many rows, so it must divide batchSize",
        path: ["accumulate"],
      }),
    workers: zWorkersFile.prefault({}),
    verify: z.strictObject({ mode: z.literal("none") }).optional(),
    retry: zRetry,
    budget: zBudget,
    seed: zSeed,
  })
  .refine(({ freeze, adapt }) => freeze === undefined || adapt === undefined, {
    error: `with "adapt" nothing but the adapters is trained: leave "freeze" out`,
    path: ["freeze"],
  })
  .refine(({ alsoTrain, adapt }) => alsoTrain === undefined || adapt === undefined, {
    error: `with "adapt" nothing but the adapters is trained: leave "alsoTrain" out`,
    path: ["alsoTrain"],
  })
  .refine(({ data, objective }) => data.test !== undefined || !objective.metrics?.length, {
    error: `it is measured on data that training does not see: name them as "data.test", or leave "metrics" out`,
    path: ["objective", "metrics"],
  });

export type JobFileShape = z.output<typeof zJobFile>;
