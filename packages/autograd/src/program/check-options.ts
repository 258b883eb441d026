/**
 * Refuses options that mean nothing, before anything is built of them: in a job they are checked where it is read, but a
 * caller of the library may come from JavaScript, with numbers that were worked out.
 */
import {
  EXPECTED_OPTIMIZERS,
  LOSSES,
  type LossSettings,
  namesOneOptimizer,
  OPTIMIZER_KINDS,
  type Optimizer,
  type OptimizerSettings,
} from "@pingo/core";
import { ProgramError } from "./fault.ts";
import type { ProgramOptions } from "./model-step.ts";

/** A test, and what is expected as the end of a sentence. */
type Check = readonly [test: (value: unknown) => boolean, expected: string];
type Checks<T> = { readonly [K in keyof T]-?: Check };

const isNumber = (value: unknown) => typeof value === "number" && Number.isFinite(value);
const inRange = (test: (value: number) => boolean) => (value: unknown) =>
  typeof value === "number" && Number.isFinite(value) && test(value);

const COUNT: Check = [
  (value) => typeof value === "number" && Number.isSafeInteger(value) && value >= 1,
  "a whole number, 1 at least",
];
const BYTES: Check = [(value) => typeof value === "number" && value >= 0, "a number of bytes"];
const POSITIVE: Check = [inRange((value) => value > 0), "a number above 0"];
const NOT_NEGATIVE: Check = [inRange((value) => value >= 0), "a number that is not below 0"];
const SHARE: Check = [inRange((value) => value >= 0 && value < 1), "a number from 0 to below 1"];
const FLAG: Check = [(value) => typeof value === "boolean", "true or false"];

const ADAMW: Checks<OptimizerSettings["adamw"]> = {
  learningRate: NOT_NEGATIVE,
  weightDecay: NOT_NEGATIVE,
  beta1: SHARE,
  beta2: SHARE,
  epsilon: POSITIVE,
};

const OPTIMIZERS: { readonly [K in keyof OptimizerSettings]: Checks<OptimizerSettings[K]> } = {
  adamw: ADAMW,
  sgd: { learningRate: NOT_NEGATIVE, weightDecay: NOT_NEGATIVE, momentum: SHARE, nesterov: FLAG },
  lion: { learningRate: NOT_NEGATIVE, weightDecay: NOT_NEGATIVE, beta1: SHARE, beta2: SHARE },
  muon: { ...ADAMW, momentum: SHARE },
};

const LOSS_SETTINGS: Checks<LossSettings> = {
  classWeights: [
    (value) => Array.isArray(value) && value.length > 0 && value.every(NOT_NEGATIVE[0]),
    "a list of numbers that are not below 0, one for each class",
  ],
  ignoreIndex: [Number.isSafeInteger, "a whole number"],
  labelSmoothing: SHARE,
  positiveWeight: POSITIVE,
  delta: POSITIVE,
};

/** @throws {ProgramError} OPTION_INVALID */
export function checkOptions(options: ProgramOptions): void {
  const {
    batchSize,
    microBatches,
    recompute,
    memoryLimitBytes,
    loss,
    lossSettings = {},
    seed,
    ema,
  } = options;
  requireThat("batchSize", batchSize, COUNT);
  requireIfGiven("microBatches", microBatches, COUNT);
  requireIfGiven("recompute", recompute, COUNT);
  requireIfGiven("memoryLimitBytes", memoryLimitBytes, BYTES);
  if (ema !== undefined) requireThat("ema.decay", ema.decay, SHARE);
  requireIfGiven("seed", seed, [Number.isSafeInteger, "a whole number"]);
  const losses = Object.keys(LOSSES);
  requireThat("loss", loss, [(value) => losses.includes(String(value)), `one of ${losses.join(", ")}`]);
  for (const [name, check] of Object.entries(LOSS_SETTINGS)) {
    // SAFETY: the table's keys are those of the settings.
    requireIfGiven(`lossSettings.${name}`, lossSettings[name as keyof LossSettings], check);
  }
  checkOptimizer(options.optimizer);
  if (options.adapt === undefined) return;
  requireThat("adapt.lora.rank", options.adapt.lora.rank, COUNT);
  requireThat("adapt.lora.alpha", options.adapt.lora.alpha, POSITIVE);
}

function checkOptimizer(optimizer: Optimizer): void {
  requireThat("optimizer", optimizer, [
    (value) => typeof value === "object" && value !== null && namesOneOptimizer(value),
    EXPECTED_OPTIMIZERS.replace(/^expected /, ""),
  ]);
  for (const kind of OPTIMIZER_KINDS) {
    const settings: object | undefined = optimizer[kind];
    if (settings === undefined) continue;
    const given = new Map<string, unknown>(Object.entries(settings));
    for (const [name, check] of Object.entries(OPTIMIZERS[kind])) {
      requireThat(`optimizer.${kind}.${name}`, given.get(name), check);
    }
  }
  requireIfGiven("optimizer.clipNorm", optimizer.clipNorm, POSITIVE);
  for (const [i, { factor }] of (optimizer.rates ?? []).entries()) {
    requireThat(`optimizer.rates[${i}].factor`, factor, [isNumber, "a number"]);
  }
}

function requireIfGiven(option: string, value: unknown, check: Check): void {
  if (value !== undefined) requireThat(option, value, check);
}

function requireThat(option: string, value: unknown, [test, expected]: Check): void {
  if (!test(value)) throw new ProgramError({ code: "OPTION_INVALID", option, found: shown(value), expected });
}

function shown(value: unknown): string {
  return typeof value === "number" ? String(value) : (JSON.stringify(value) ?? String(value));
}
