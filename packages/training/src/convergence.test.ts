import {
  buildEvaluationProgram,
  buildTrainProgram,
  defineModel,
  openEvaluator,
  openTrainer,
  type ProgramOptions,
  type Tensor,
} from "@pingo/autograd";
import { createPrng, learningRateOf, type Prng, type Shard } from "@pingo/core";
import { createTestClock } from "@pingo/core/testing";
import { expect, test } from "vitest";
import { aggregate } from "./aggregate.ts";
import { OUTER_SETTINGS, type OuterState, outerStep } from "./outer.ts";
import { planUnits } from "./plan-units.ts";
import { runUnit } from "./run-unit.ts";
import { createSampler } from "./sample.ts";
import { cidOf, jobOf } from "./testing/shapes.ts";

const FEATURES = 8;
const CLASSES = 4;
const SHARD_ROWS = 128;
const SHARDS = 6;
const ROUNDS = 12;
const STEPS = 20;
const BATCH = 16;

const model = defineModel(
  { name: "two-layers", seed: 1, inputs: { x: { dtype: "float32", shape: ["batch", FEATURES] } } },
  (b, { x }) => ({ logits: b.linear(b.tanh(b.linear(x, { outFeatures: 24 })), { outFeatures: CLASSES }) }),
);
const options: ProgramOptions = {
  fields: [
    { name: "x", dtype: "float32", rowShape: [FEATURES] },
    { name: "label", dtype: "int64", rowShape: [] },
  ],
  target: "label",
  loss: "softmax-cross-entropy",
  optimizer: { adamw: { learningRate: 0.01, weightDecay: 0.01, beta1: 0.9, beta2: 0.95, epsilon: 1e-8 } },
  batchSize: BATCH,
};
const program = buildTrainProgram(model, options);
const evaluation = buildEvaluationProgram(model, options);

interface Rows {
  readonly x: Float32Array;
  readonly label: BigInt64Array;
}

/** Which quadrant, by a product and by a sum of features: no line separates the classes. */
function drawRows(rows: number, prng: Prng): Rows {
  const x = Float32Array.from({ length: rows * FEATURES }, () => prng.float() * 2 - 1);
  const at = (row: number, feature: number): number => x[row * FEATURES + feature] ?? 0;
  const label = BigInt64Array.from({ length: rows }, (_, row) => {
    const isProduct = at(row, 0) * at(row, 1) > 0;
    const isSum = at(row, 2) + at(row, 3) > 0;
    return (isProduct ? 2n : 0n) + (isSum ? 1n : 0n);
  });
  return { x, label };
}

const prng = createPrng(11);
const shards: readonly Shard[] = Array.from({ length: SHARDS }, (_, i) => {
  return { cid: cidOf(`shard ${i}`), rows: SHARD_ROWS, sizeBytes: 1 };
});
const rowsByShard = new Map(shards.map(({ cid }) => [cid, drawRows(SHARD_ROWS, prng)]));
const heldOut = tensorsOf(drawRows(512, prng));

function joined(of: readonly Shard[]): ReadonlyMap<string, Tensor> {
  const x = new Float32Array(of.length * SHARD_ROWS * FEATURES);
  const label = new BigInt64Array(of.length * SHARD_ROWS);
  for (const [i, { cid }] of of.entries()) {
    const rows = rowsByShard.get(cid) ?? expect.fail(`no ${cid}`);
    x.set(rows.x, i * SHARD_ROWS * FEATURES);
    label.set(rows.label, i * SHARD_ROWS);
  }
  return tensorsOf({ x, label });
}

function tensorsOf({ x, label }: Rows): ReadonlyMap<string, Tensor> {
  return new Map<string, Tensor>([
    ["x", { dtype: "float32", shape: [label.length, FEATURES], data: x }],
    ["label", { dtype: "int64", shape: [label.length], data: label }],
  ]);
}

/** The held-out loss after rounds of `workers` units each. */
async function trainInRounds(workers: number, settings = OUTER_SETTINGS): Promise<number> {
  await using trainer = await openTrainer(program);
  await using evaluator = await openEvaluator(evaluation);
  const zeros = new Float32Array(program.initialWeights.length);
  let state: OuterState = { weights: program.initialWeights, momentum: zeros };
  for (let round = 1; round <= ROUNDS; round++) {
    const units = planUnits({
      job: jobOf({ stepsPerRound: STEPS, batchSize: BATCH }),
      jobId: cidOf("job"),
      manifest: { kind: "pingo/dataset/v1", rows: SHARDS * SHARD_ROWS, fields: [], shards },
      round,
      program: cidOf("program"),
      weights: cidOf(`weights ${round - 1}`),
      workers,
    });
    const updates = [];
    for (const unit of units) {
      await trainer.setFields(joined(unit.shards));
      const inputs = { trainer, weights: state.weights, rows: unit.shards.length * SHARD_ROWS };
      updates.push(await runUnit(unit, inputs, { clock: createTestClock() }));
    }
    const mean = aggregate(updates, program.signature);
    state = outerStep({ ...state, mean, signature: program.signature, settings });
  }
  return (await evaluator.evaluate(state.weights, heldOut)).loss;
}

/** The held-out loss of one trainer that sees all rows and never stops for anyone. */
async function trainAlone(steps: number): Promise<number> {
  await using trainer = await openTrainer(program);
  await using evaluator = await openEvaluator(evaluation);
  const sampler = createSampler({ rows: SHARDS * SHARD_ROWS, batchSize: BATCH, seed: 5 });
  await trainer.setFields(joined(shards));
  await trainer.reset(program.initialWeights);
  await trainer.run(sampler.draw(steps), new Float32Array(steps).fill(learningRateOf(options.optimizer)));
  return (await evaluator.evaluate(await trainer.weights(), heldOut)).loss;
}

test("three units a round reach the loss of one trainer that runs all their steps in a row", async () => {
  const together = await trainInRounds(3);
  expect(together).toBeLessThan((await trainAlone(3 * ROUNDS * STEPS)) + 0.15);
  expect(together).toBeLessThan((await trainAlone(ROUNDS * STEPS)) - 0.15);
});

test("the outer momentum pays, also for a single unit a round", async () => {
  const average = { learningRate: 1, momentum: 0 };
  for (const workers of [1, 3]) {
    expect(await trainInRounds(workers)).toBeLessThan((await trainInRounds(workers, average)) - 0.1);
  }
});
