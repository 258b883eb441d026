import { buildTrainProgram, defineModel, RuntimeError, type Trainer } from "@pingo/autograd";
import { openTrainer } from "@pingo/autograd/runtime";
import type { TrainUnit } from "@pingo/core";
import { createTestClock } from "@pingo/core/testing";
import { expect, test } from "vitest";
import { runUnit, type UnitProgress, type UnitTrainer } from "./run-unit.ts";
import { cidOf, manifestOf, SIGNATURE, SIGNATURE_LENGTH } from "./testing/shapes.ts";

const ROWS = 30;
const weights = new Float32Array(SIGNATURE_LENGTH).fill(1);

function unitOf(change: Partial<TrainUnit> = {}): TrainUnit {
  return {
    job: cidOf("job"),
    round: 1,
    index: 0,
    program: cidOf("program"),
    weights: cidOf("weights"),
    shards: manifestOf([10, 20]).shards,
    seed: 3,
    steps: 20,
    batchSize: 8,
    learningRate: 0.5,
    deadlineMs: 60_000,
    ...change,
  };
}

/** Every step takes 100 ms and a quarter off every number; losses count 1, 2, 3 … */
function createStepTrainer(loss: (step: number) => number = (step) => step) {
  const clock = createTestClock(0);
  const drawn: bigint[] = [];
  const calls: number[] = [];
  const rates: number[] = [];
  let state = new Float32Array();
  let steps = 0;
  const trainer: UnitTrainer = {
    signature: SIGNATURE,
    setFields: async () => undefined,
    async reset(given) {
      state = given.slice();
      steps = 0;
    },
    async run(indices, learningRates) {
      drawn.push(...indices);
      calls.push(learningRates.length);
      rates.push(...learningRates);
      await clock.advance(100 * learningRates.length);
      state = state.map((number) => number - 0.25 * learningRates.length);
      return learningRates.map(() => loss(++steps));
    },
    weights: async () => state.slice(),
    [Symbol.asyncDispose]: async () => undefined,
  };
  return { trainer, clock, drawn, calls, rates };
}

test("a unit runs all of its steps in checkpoints, and tells of each", async () => {
  const { trainer, clock, calls, drawn } = createStepTrainer();
  const progress: UnitProgress[] = [];
  const inputs = { trainer, weights, rows: ROWS };
  const result = await runUnit(unitOf(), inputs, { clock, onProgress: (each) => progress.push(each) });
  expect(calls).toEqual([8, 8, 4]);
  expect(progress).toEqual([
    { step: 8, steps: 20, loss: 4.5 },
    { step: 16, steps: 20, loss: 12.5 },
    { step: 20, steps: 20, loss: 18.5 },
  ]);
  expect(result).toMatchObject({ steps: 20, rows: 160, lossMean: 10.5 });
  expect(drawn.every((row) => row >= 0n && row < BigInt(ROWS))).toBe(true);
});

test("of a large state each call is one step, and says so", async () => {
  const { trainer, clock, calls } = createStepTrainer();
  const parameters = [{ name: "w", shape: [1_500_000], kind: "trained", slots: ["m", "v"] } as const];
  const large = { ...trainer, signature: { ...trainer.signature, parameters } };
  const inputs = { trainer: large, weights: new Float32Array(1_500_000), rows: ROWS };
  const progress: number[] = [];
  const onProgress = ({ step }: UnitProgress) => progress.push(step);
  const result = await runUnit(unitOf({ steps: 3 }), inputs, { clock, onProgress });
  expect(calls).toEqual([1, 1, 1]);
  expect(progress).toEqual([1, 2, 3]);
  expect(result.lossMean).toBe(2);
});

test("the update is before - after for what is trained, and after for statistics", async () => {
  const { trainer, clock } = createStepTrainer();
  const { update } = await runUnit(unitOf(), { trainer, weights, rows: ROWS }, { clock });
  expect([...update]).toEqual([5, 5, 5, 5, -4, 5, 5]);
  expect([...weights]).toEqual([1, 1, 1, 1, 1, 1, 1]);
});

test("the deadline, or the owner's return, ends a unit at its next checkpoint with what is done", async () => {
  const late = createStepTrainer();
  const inputs = { weights, rows: ROWS };
  const unit = unitOf({ deadlineMs: 700 });
  expect(await runUnit(unit, { ...inputs, trainer: late.trainer }, late)).toMatchObject({
    steps: 8,
    rows: 64,
  });

  const left = createStepTrainer();
  const flush = new AbortController();
  const options = { clock: left.clock, flush: flush.signal, onProgress: () => flush.abort() };
  expect(await runUnit(unitOf(), { ...inputs, trainer: left.trainer }, options)).toMatchObject({ steps: 8 });
});

test("an aborted unit rejects with the reason at its next checkpoint", async () => {
  const { trainer, clock, calls } = createStepTrainer();
  const abort = new AbortController();
  const options = { clock, signal: abort.signal, onProgress: () => abort.abort(new Error("revoked")) };
  await expect(runUnit(unitOf(), { trainer, weights, rows: ROWS }, options)).rejects.toThrow("revoked");
  expect(calls).toEqual([8, 8]);
});

/** A real trainer in this thread, whose steps are far longer than it takes to hear a signal. */
async function openSlowTrainer(): Promise<Trainer> {
  const x = { dtype: "float32", shape: ["batch", 64] } as const;
  const model = defineModel({ name: "slow", seed: 1, inputs: { x } }, (b, inputs) => {
    const wide = b.relu(b.linear(inputs.x, { outFeatures: 1_024 }));
    return { y: b.linear(b.relu(b.linear(wide, { outFeatures: 1_024 })), { outFeatures: 2 }) };
  });
  const program = buildTrainProgram(model, {
    fields: [
      { name: "x", dtype: "float32", rowShape: [64] },
      { name: "label", dtype: "int64", rowShape: [] },
    ],
    target: "label",
    loss: "softmax-cross-entropy",
    optimizer: { sgd: { learningRate: 0.01, momentum: 0, nesterov: false, weightDecay: 0 } },
    batchSize: 512,
  });
  const trainer = await openTrainer(program);
  await trainer.setFields(
    new Map([
      ["x", { dtype: "float32", shape: [ROWS, 64], data: new Float32Array(ROWS * 64).fill(1) }],
      ["label", { dtype: "int64", shape: [ROWS], data: new BigInt64Array(ROWS) }],
    ]),
  );
  return trainer;
}

test.each(["signal", "flush"] as const)("%s is heard inside a call of eight steps", async (which) => {
  await using trainer = await openSlowTrainer();
  const length = trainer.signature.parameters.reduce(
    (sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1),
    0,
  );
  const unit = unitOf({ batchSize: 512 });
  const inputs = { trainer, weights: new Float32Array(length).fill(0.001), rows: ROWS };
  const abort = new AbortController();
  const progress: number[] = [];
  const onProgress = ({ step }: UnitProgress) => {
    progress.push(step);
    // In the next call, which is under way by then.
    setTimeout(() => abort.abort(new Error("revoked")));
  };
  const running = runUnit(unit, inputs, { clock: createTestClock(0), onProgress, [which]: abort.signal });
  if (which === "signal") await expect(running).rejects.toThrow("revoked");
  else expect(await running).toMatchObject({ steps: 8, rows: 8 * 512 });
  expect(progress).toEqual([8]);
});

test("the same unit draws the same batches, another seed others", async () => {
  const [first, second, other] = [createStepTrainer(), createStepTrainer(), createStepTrainer()];
  await runUnit(unitOf(), { trainer: first.trainer, weights, rows: ROWS }, first);
  await runUnit(unitOf(), { trainer: second.trainer, weights, rows: ROWS }, second);
  await runUnit(unitOf({ seed: 4 }), { trainer: other.trainer, weights, rows: ROWS }, other);
  expect(first.drawn).toEqual(second.drawn);
  expect(first.drawn).not.toEqual(other.drawn);
});

test("a unit that does not fit its program or its data is refused", async () => {
  const { trainer, clock } = createStepTrainer();
  for (const [unit, rows] of [[unitOf({ batchSize: 9 }), ROWS] as const, [unitOf(), ROWS - 1] as const]) {
    await expect(runUnit(unit, { trainer, weights, rows }, { clock })).rejects.toMatchObject({
      code: "UNIT_MISFIT",
    });
  }
});

test("a loss that is not finite ends the unit at once, and says what to change", async () => {
  const { trainer, clock } = createStepTrainer();
  const diverged: UnitTrainer = {
    ...trainer,
    run: async (_, rates) => new Float32Array(rates.length).fill(Number.POSITIVE_INFINITY),
  };
  await expect(
    runUnit(unitOf(), { trainer: diverged, weights, rows: ROWS }, { clock }),
  ).rejects.toMatchObject({
    code: "LOSS_NOT_FINITE",
    message: expect.stringContaining("optimizer.adamw.learningRate"),
  });
});

test("weights that are not finite make no update", async () => {
  const { trainer, clock } = createStepTrainer();
  const diverged: UnitTrainer = {
    ...trainer,
    weights: async () => new Float32Array(SIGNATURE_LENGTH).fill(Number.NaN),
  };
  await expect(
    runUnit(unitOf(), { trainer: diverged, weights, rows: ROWS }, { clock }),
  ).rejects.toMatchObject({
    fault: { code: "UPDATE_NOT_FINITE", parameter: "weight" },
  });
});

test("a trainer that refuses to hand out its weights has made no update", async () => {
  const { trainer, clock } = createStepTrainer();
  const refused = new RuntimeError({ code: "WEIGHTS_NOT_FINITE", parameter: "weight", found: "NaN" });
  const diverged: UnitTrainer = { ...trainer, weights: () => Promise.reject(refused) };
  await expect(
    runUnit(unitOf(), { trainer: diverged, weights, rows: ROWS }, { clock }),
  ).rejects.toMatchObject({ fault: { code: "UPDATE_NOT_FINITE", parameter: "weight" } });
});

test("the learning rate follows the run's schedule from step to step", async () => {
  const { trainer, clock, rates } = createStepTrainer();
  const schedule = {
    kind: "linear",
    warmupSteps: 12,
    finalFactor: 0,
    stepsBefore: 10,
    stepsTotal: 32,
  } as const;
  await runUnit(unitOf({ schedule }), { trainer, weights, rows: ROWS }, { clock });
  // Steps 10 and 11 of the run still rise; from 12 on the rate falls to zero at step 32.
  const factors = [11 / 12, 1, ...Array.from({ length: 18 }, (_, i) => 1 - i / 20)];
  for (const [i, factor] of factors.entries()) expect(rates[i]).toBeCloseTo(0.5 * factor, 6);
  expect(rates).toHaveLength(20);
});
