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
import type { OuterSettings } from "./outer.ts";
import { runUnit } from "./run-unit.ts";
import { createSampler } from "./sample.ts";
import { cidOf, jobOf } from "./testing/shapes.ts";
import { trainInRounds } from "./train-in-rounds.ts";
import { trainSequentially } from "./train-sequentially.ts";

const FEATURES = 8;
const CLASSES = 4;
const SHARD_ROWS = 128;
const SHARDS = 6;
const ROWS = SHARDS * SHARD_ROWS;
const ROUNDS = 20;
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
const JOB = {
  ...jobOf({ rounds: ROUNDS, stepsPerRound: STEPS, batchSize: BATCH }),
  optimizer: options.optimizer,
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
async function lossInRounds(workers: number, outer?: OuterSettings): Promise<number> {
  await using trainer = await openTrainer(program);
  await using evaluator = await openEvaluator(evaluation);
  const { weights } = await trainInRounds(
    {
      job: JOB,
      jobId: cidOf("job"),
      manifest: { kind: "pingo/dataset/v1", rows: ROWS, fields: [], shards },
      program: cidOf("program"),
      signature: program.signature,
      weights: program.initialWeights,
      workers,
      ...(outer && { outer }),
      evaluate: null,
      runUnits: async (units, before) => {
        const results = [];
        for (const unit of units) {
          await trainer.setFields(joined(unit.shards));
          const inputs = { trainer, weights: before, rows: unit.shards.length * SHARD_ROWS };
          results.push(await runUnit(unit, inputs, { clock: createTestClock() }));
        }
        return results;
      },
      nameOf: async (version) => cidOf(`weights ${version[0]}`),
    },
    { clock: createTestClock() },
  );
  return (await evaluator.evaluate(weights, heldOut)).loss;
}

/** One trainer that sees all rows and never stops for anyone. */
async function trainAlone(rounds: number, signal?: AbortSignal, onRound?: (round: number) => void) {
  await using trainer = await openTrainer(program);
  await using evaluator = await openEvaluator(evaluation);
  await trainer.setFields(joined(shards));
  const job = { ...JOB, schedule: { ...JOB.schedule, rounds } };
  const evaluate = (weights: Float32Array) => evaluator.evaluate(weights, heldOut);
  return await trainSequentially(
    { job, trainer, evaluate, weights: program.initialWeights, rows: ROWS },
    {
      clock: createTestClock(),
      ...(signal && { signal }),
      onProgress: (progress) => progress.type === "round" && onRound?.(progress.metric.round),
    },
  );
}

async function lossAlone(rounds: number): Promise<number> {
  return (await trainAlone(rounds)).metrics.at(-1)?.testLoss ?? Number.NaN;
}

test("three units a round reach the loss of one trainer that runs all their steps in a row", async () => {
  const together = await lossInRounds(3);
  expect(together).toBeLessThan((await lossAlone(3 * ROUNDS)) + 0.15);
  expect(together).toBeLessThan((await lossAlone(ROUNDS)) - 0.15);
});

test("the outer momentum pays, also for a single unit a round", async () => {
  const average = { learningRate: 1, momentum: 0 };
  for (const workers of [1, 3]) {
    expect(await lossInRounds(workers)).toBeLessThan((await lossInRounds(workers, average)) - 0.1);
  }
});

test("alone, a job takes rounds × steps in a row, and one seed gives one model", async () => {
  const [one, other] = [await trainAlone(3), await trainAlone(3)];
  expect(one.weights).toEqual(other.weights);
  expect(one.isComplete).toBe(true);
  expect(one.metrics).toHaveLength(3);
  for (const { steps, rows, testLoss } of one.metrics) {
    expect({ steps, rows }).toEqual({ steps: STEPS, rows: STEPS * BATCH });
    expect(testLoss).toBeGreaterThan(0);
  }
  expect(one.metrics.at(-1)?.trainLoss).toBeLessThan(one.metrics[0]?.trainLoss ?? 0);
});

test("rounds do not begin anew: what the optimizer keeps goes on", async () => {
  await using trainer = await openTrainer(program);
  await trainer.setFields(joined(shards));
  await trainer.reset(program.initialWeights);
  const sampler = createSampler({ rows: ROWS, batchSize: BATCH, seed: JOB.seed });
  const rates = new Float32Array(2 * STEPS).fill(learningRateOf(JOB.optimizer));
  await trainer.run(sampler.draw(2 * STEPS), rates);
  expect((await trainAlone(2)).weights).toEqual(await trainer.weights());
});

test("stopped, it keeps what is done", async () => {
  const stop = new AbortController();
  const { metrics, weights, isComplete } = await trainAlone(5, stop.signal, (round) => {
    if (round === 2) stop.abort(new Error("enough"));
  });
  expect(isComplete).toBe(false);
  expect(metrics.map(({ steps }) => steps)).toEqual([STEPS, STEPS]);
  expect(weights).toEqual((await trainAlone(2)).weights);
});
