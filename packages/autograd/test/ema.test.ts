/** The moving average of the weights: what it is the mean of, what it costs, and where it can be used. */
import type { Optimizer } from "@pingo/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readModel } from "../src/onnx/reader.ts";
import { writeModel } from "../src/onnx/writer.ts";
import { buildEvaluationProgram } from "../src/program/evaluation-program.ts";
import type { ProgramOptions } from "../src/program/model-step.ts";
import { buildTrainProgram, type TrainProgram } from "../src/program/train-program.ts";
import { withWeights } from "../src/program/weights.ts";
import { openEvaluator } from "../src/runtime/open-evaluator.ts";
import { openTrainer } from "../src/runtime/open-trainer.ts";
import { startTrainer } from "../src/runtime/start.ts";
import type { BackendOptions, Checkpoint, RuntimeProgram, Trainer } from "../src/runtime/trainer.ts";
import { batchNorm, MLP_OPTIONS, MLP_ROWS, mlp, mlpRows } from "./programs.ts";

const RATE = { learningRate: 0.05, weightDecay: 0.1 };
const MOMENTS = { beta1: 0.9, beta2: 0.99, epsilon: 1e-8 };
const OPTIMIZERS: readonly Optimizer[] = [
  { adamw: { ...RATE, ...MOMENTS } },
  { sgd: { ...RATE, momentum: 0, nesterov: false } },
  { lion: { ...RATE, beta1: 0.9, beta2: 0.99 } },
  { muon: { ...RATE, ...MOMENTS, momentum: 0.95 } },
];
const OPTIONS: ProgramOptions = { ...MLP_OPTIONS, optimizer: { adamw: { ...RATE, ...MOMENTS } } };
/** Vectors that are stepped together, matrices, and running statistics. */
const MODEL = mlp(4, 6, 3, batchNorm);

const WAYS = [
  ["native", (program: RuntimeProgram) => openTrainer(program)],
  ["native, in a thread", (program: RuntimeProgram) => startTrainer(program)],
  ["WebAssembly", (program: RuntimeProgram) => openTrainer(program, WASM)],
] as const;
const WASM: BackendOptions = { backend: "wasm" };

const rowsOf = (steps: number, first = 0) =>
  BigInt64Array.from({ length: steps * OPTIONS.batchSize }, (_, i) =>
    BigInt((3 * (first + i) + 1) % MLP_ROWS),
  );
const ratesOf = (steps: number) => new Float32Array(steps).fill(0.05);

async function begun(open: (program: RuntimeProgram) => Promise<Trainer>, program: TrainProgram) {
  const trainer = await open(program);
  await trainer.setFields(mlpRows());
  await trainer.reset(program.initialWeights);
  return trainer;
}

/** Σ dᵗ⁻ⁱ·wᵢ / Σ dᵗ⁻ⁱ in float64, from all weights at once. */
function meanOf(visited: readonly Float32Array[], decay: number): Float64Array {
  const shares = visited.map((_, i) => decay ** (visited.length - 1 - i));
  const total = shares.reduce((sum, share) => sum + share, 0);
  return Float64Array.from(visited[0] ?? [], (_, at) =>
    visited.reduce((sum, weights, i) => sum + ((shares[i] ?? 0) / total) * (weights[at] ?? 0), 0),
  );
}

describe.each(WAYS)("%s", (_, open) => {
  test("is the mean of the weights after each step, the later ones weighing more, and moves none of them", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...OPTIMIZERS),
        fc.double({ min: 0, max: 0.9999, noNaN: true }),
        fc.integer({ min: 1, max: 6 }),
        fc.constantFrom<Partial<ProgramOptions>>({}, { microBatches: 2 }, { frozen: ["a.*"] }),
        async (optimizer, decay, steps, more) => {
          const options = { ...OPTIONS, ...more, optimizer };
          await using plain = await begun(open, buildTrainProgram(MODEL, options));
          await using trainer = await begun(open, buildTrainProgram(MODEL, { ...options, ema: { decay } }));
          const visited: Float32Array[] = [];
          for (let k = 0; k < steps; k++) {
            const losses = await trainer.run(rowsOf(1, k), ratesOf(1));
            expect(losses).toEqual(await plain.run(rowsOf(1, k), ratesOf(1)));
            visited.push(await trainer.weights());
            expect(visited.at(-1)).toEqual(await plain.weights());
          }
          const wanted = meanOf(visited, decay);
          const found = await trainer.ema();
          expect(found.length).toBe(wanted.length);
          for (const [i, number] of wanted.entries())
            expect(Math.abs((found[i] ?? Number.NaN) - number)).toBeLessThan(1e-5);
        },
      ),
      { numRuns: 8 },
    );
  });

  test("a checkpoint goes on elsewhere to the same bits, its average and step number with it", async () => {
    const program = buildTrainProgram(MODEL, { ...OPTIONS, ema: { decay: 0.9 } });
    await using whole = await begun(open, program);
    await using first = await begun(open, program);
    await using second = await begun(open, program);
    await first.run(rowsOf(3), ratesOf(3));
    const checkpoint = await first.checkpoint();
    expect(checkpoint.steps).toBe(3);
    expect([...checkpoint.slots.keys()]).toEqual(["m", "v", "ema"]);
    expect(checkpoint.slots.get("ema")).toEqual(await first.ema());
    expect(checkpoint.weights).toEqual(await first.weights());
    await first.run(rowsOf(2), ratesOf(2)); // it is a copy, and stays as it is
    await second.resume(structuredClone(checkpoint));
    await second.run(rowsOf(4, 12), ratesOf(4));
    await whole.run(rowsOf(3), ratesOf(3));
    await whole.run(rowsOf(4, 12), ratesOf(4));
    expect(await second.checkpoint()).toEqual(await whole.checkpoint());
  });

  test("says what is missing", async () => {
    const program = buildTrainProgram(MODEL, { ...OPTIONS, ema: { decay: 0.9 } });
    await using trainer = await begun(open, program);
    const ema = trainer.ema();
    await expect(ema).rejects.toMatchObject({ fault: { code: "CALL_TOO_EARLY", call: "ema", first: "run" } });
    const { steps, weights, slots } = await trainer.checkpoint();
    const length = slots.get("ema")?.length ?? 0;
    const misfits: readonly (readonly [Partial<Checkpoint>, string, number, number])[] = [
      [{ steps: -1 }, "steps", -1, 0],
      [{ weights: weights.slice(1) }, "weights", weights.length - 1, weights.length],
      [{ slots: new Map([...slots].filter(([slot]) => slot !== "ema")) }, "ema", 0, length],
      [{ slots: new Map([...slots, ["momentum", weights]]) }, "momentum", weights.length, 0],
    ];
    for (const [change, what, found, expected] of misfits) {
      await expect(trainer.resume({ steps, weights, slots, ...change })).rejects.toMatchObject({
        fault: { code: "CHECKPOINT_MISFIT", what, found, expected },
      });
    }
    await using plain = await begun(open, buildTrainProgram(MODEL, OPTIONS));
    await plain.run(rowsOf(1), ratesOf(1));
    await expect(plain.ema()).rejects.toMatchObject({
      code: "EMA_MISSING",
      message: expect.stringContaining("ema: { decay }"),
    });
  });
});

test("is measured and exported as weights are", async () => {
  const program = buildTrainProgram(MODEL, { ...OPTIONS, ema: { decay: 0.8 } });
  await using trainer = await begun(openTrainer, program);
  await trainer.run(rowsOf(5), ratesOf(5));
  const ema = await trainer.ema();
  await using evaluator = await openEvaluator(buildEvaluationProgram(MODEL, OPTIONS));
  const [mean, last] = [
    await evaluator.evaluate(ema, mlpRows()),
    await evaluator.evaluate(await trainer.weights(), mlpRows()),
  ];
  expect(mean.loss).not.toBe(last.loss);
  const exported = readModel(writeModel(withWeights(MODEL, program.signature, ema)));
  await using again = await openEvaluator(buildEvaluationProgram(exported, OPTIONS));
  const { initialWeights } = buildTrainProgram(exported, OPTIONS);
  expect(initialWeights).toEqual(ema);
  expect(await again.evaluate(initialWeights, mlpRows())).toEqual(mean);
});

test("is kept of what is trained, of statistics and of nothing frozen, and planned for", () => {
  const inputsOf = (options: Partial<ProgramOptions>) => {
    const program = buildTrainProgram(MODEL, { ...OPTIONS, ...options });
    const inputs = readModel(program.graph).inputs.filter(({ name }) => name.startsWith("ema/"));
    return { program, inputs: inputs.map(({ type }) => type.shape) };
  };
  const plain = inputsOf({});
  expect(plain.inputs).toEqual([]);
  expect(plain.program.signature.parameters.flatMap(({ slots = [] }) => slots)).not.toContain("ema");
  const kept = inputsOf({ ema: { decay: 0.9 } });
  expect(kept.inputs.flat().length).toBeGreaterThan(0);
  const bytes = 4 * kept.program.initialWeights.length;
  expect(kept.program.memory.stateBytes - plain.program.memory.stateBytes).toBe(bytes);
  expect(kept.program.memory.totalBytes - plain.program.memory.totalBytes).toBeGreaterThanOrEqual(5 * bytes);
  const some = inputsOf({ ema: { decay: 0.9 }, frozen: ["a.*", "bn.running_*"] }).inputs;
  expect(some.map(String).sort()).toEqual(["3", "3,6", "6", "6"]);
});
