import { execFileSync } from "node:child_process";
import { createPrng } from "@pingo/core";
import { describe, expect, test } from "vitest";
import type { Tensor } from "../graph/tensor.ts";
import { loadOrt } from "./load-ort.ts";
import { measureGflops } from "./measure.ts";
import { openEvaluator } from "./open-evaluator.ts";
import { openTrainer } from "./open-trainer.ts";
import type { RuntimeError } from "./runtime-error.ts";
import { createSessionTrainer } from "./session-trainer.ts";
import { startEvaluator, startTrainer } from "./start.ts";
import { createStopFlag, raise } from "./stop-flag.ts";
import { linearEvaluationProgram, linearTrainProgram } from "./testing/linear-program.ts";
import type { Evaluator, RuntimeOptions, RuntimeProgram, Trainer } from "./trainer.ts";

const SIZES = { features: 3, classes: 4, batchSize: 5 };
/** More than 32 rows, which one call of an evaluator with batches of 1 takes. */
const ROWS = 40;
const LENGTH = 3 * 4 + 4 + 1;
const program = linearTrainProgram(SIZES);

function drawFields(seed = 1): ReadonlyMap<string, Tensor> {
  const prng = createPrng(seed);
  const x = Float32Array.from({ length: ROWS * SIZES.features }, () => prng.float() * 2 - 1);
  const y = BigInt64Array.from({ length: ROWS }, () => BigInt(prng.int(SIZES.classes)));
  return new Map<string, Tensor>([
    ["x", { dtype: "float32", shape: [ROWS, SIZES.features], data: x }],
    ["y", { dtype: "int64", shape: [ROWS], data: y }],
  ]);
}

function drawIndices(steps: number, seed = 2): BigInt64Array {
  const prng = createPrng(seed);
  return BigInt64Array.from({ length: steps * SIZES.batchSize }, () => BigInt(prng.int(ROWS)));
}

const rates = (steps: number): Float32Array => new Float32Array(steps).fill(0.5);

/** The same program in plain numbers. */
function referenceSteps(weights: Float32Array, indices: BigInt64Array, steps: number): number[] {
  const { features, classes, batchSize } = SIZES;
  const fields = drawFields();
  const x = fields.get("x")!.data as Float32Array;
  const y = fields.get("y")!.data as BigInt64Array;
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const gradient = new Float64Array(features * classes + classes);
    let loss = 0;
    for (let b = 0; b < batchSize; b++) {
      const row = Number(indices[step * batchSize + b]);
      const logits = Array.from({ length: classes }, (_, c) => {
        let sum = weights[features * classes + c]!;
        for (let f = 0; f < features; f++) sum += x[row * features + f]! * weights[f * classes + c]!;
        return sum;
      });
      const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
      loss -= logits[Number(y[row])]! - Math.log(total);
      for (let c = 0; c < classes; c++) {
        const slope = (Math.exp(logits[c]!) / total - (Number(y[row]) === c ? 1 : 0)) / batchSize;
        gradient[features * classes + c]! += slope;
        for (let f = 0; f < features; f++) gradient[f * classes + c]! += slope * x[row * features + f]!;
      }
    }
    losses.push(loss / batchSize);
    gradient.forEach((slope, i) => {
      weights[i]! -= 0.5 * slope;
    });
    weights[LENGTH - 1]! += step + 1;
  }
  return losses;
}

async function faultOf(work: Promise<unknown>): Promise<RuntimeError["fault"]> {
  return work.then(
    () => expect.fail("it did not fail"),
    (error: RuntimeError) => error.fault,
  );
}

type MakeTrainer = (program: RuntimeProgram, options?: RuntimeOptions) => Promise<Trainer>;

describe.each<[string, MakeTrainer]>([
  ["in this thread", openTrainer],
  ["in a worker", startTrainer],
  [
    "in this thread, on WebAssembly",
    (program, options) => openTrainer(program, { ...options, backend: "wasm" }),
  ],
  [
    "in a worker, on WebAssembly",
    (program, options) => startTrainer(program, { ...options, backend: "wasm" }),
  ],
])("a trainer %s", (_, make) => {
  test("computes the losses and weights of the program, step by step", async () => {
    await using trainer = await make(program);
    await trainer.setFields(drawFields());
    await trainer.reset(new Float32Array(LENGTH));
    const indices = drawIndices(6);
    const first = await trainer.run(indices.slice(0, 4 * SIZES.batchSize), rates(4));
    const second = await trainer.run(indices.slice(4 * SIZES.batchSize), rates(2));
    const weights = new Float32Array(LENGTH);
    const losses = referenceSteps(weights, indices, 6);
    for (const [i, loss] of [...first, ...second].entries()) expect(loss).toBeCloseTo(losses[i]!, 5);
    const trained = await trainer.weights();
    for (const [i, weight] of weights.entries()) expect(trained[i]).toBeCloseTo(weight, 5);
  });

  test("gives the same bits in one call of K steps as in K calls, and after a reset", async () => {
    await using trainer = await make(program);
    await trainer.setFields(drawFields());
    const indices = drawIndices(8);
    await trainer.reset(new Float32Array(LENGTH));
    const together = await trainer.run(indices, rates(8));
    const weights = await trainer.weights();
    await trainer.reset(new Float32Array(LENGTH));
    const apart: number[] = [];
    for (let step = 0; step < 8; step++) {
      const batch = indices.slice(step * SIZES.batchSize, (step + 1) * SIZES.batchSize);
      apart.push(...(await trainer.run(batch, rates(1))));
    }
    expect(apart).toEqual([...together]);
    expect(await trainer.weights()).toEqual(weights);
  });

  test("does not change what it was given, and gives copies", async () => {
    await using trainer = await make(program);
    const weights = new Float32Array(LENGTH).fill(0.25);
    const indices = drawIndices(1);
    await trainer.setFields(drawFields());
    await trainer.reset(weights);
    await trainer.run(indices, rates(1));
    expect(weights).toEqual(new Float32Array(LENGTH).fill(0.25));
    expect(indices).toEqual(drawIndices(1));
    const copy = await trainer.weights();
    copy.fill(7);
    expect(await trainer.weights()).not.toEqual(copy);
  });

  test("refuses indices outside the rows, and keeps its state", async () => {
    await using trainer = await make(program);
    await trainer.setFields(drawFields());
    await trainer.reset(new Float32Array(LENGTH));
    for (const index of [BigInt(ROWS), -1n]) {
      const indices = drawIndices(1).fill(index, 2, 3);
      expect(await faultOf(trainer.run(indices, rates(1)))).toEqual({
        code: "INDEX_OUT_OF_RANGE",
        index: Number(index),
        rows: ROWS,
      });
    }
    expect(await trainer.weights()).toEqual(new Float32Array(LENGTH));
  });

  test("names the step whose loss is not finite, and keeps the state from before the call", async () => {
    await using trainer = await make(program);
    await trainer.setFields(drawFields());
    await trainer.reset(new Float32Array(LENGTH));
    await trainer.run(drawIndices(2), rates(2));
    const before = await trainer.weights();
    const diverging = Float32Array.of(0.5, 3e38, 0.5);
    expect(await faultOf(trainer.run(drawIndices(3), diverging))).toMatchObject({
      code: "LOSS_NOT_FINITE",
      step: 5,
    });
    expect(await trainer.weights()).toEqual(before);
  });

  test("refuses weights of another length and fields that do not fit", async () => {
    await using trainer = await make(program);
    expect(await faultOf(trainer.reset(new Float32Array(3)))).toEqual({
      code: "WEIGHTS_LENGTH",
      length: 3,
      expected: LENGTH,
    });
    const { x, y } = Object.fromEntries(drawFields()) as { x: Tensor; y: Tensor };
    const misfits: [string, Map<string, Tensor>][] = [
      ["missing", new Map([["x", x]])],
      ["int32", new Map([["x", x], ["y", { ...y, dtype: "int32" }]])], // biome-ignore format: a row per case
      ["shape", new Map([["x", { ...x, shape: [SIZES.features, ROWS] }], ["y", y]])], // biome-ignore format: a row per case
      ["rows", new Map([["x", x], ["y", { ...y, shape: [1], data: BigInt64Array.of(0n) }]])], // biome-ignore format: a row per case
      ["numbers", new Map([["x", { ...x, data: new Float32Array(1) }], ["y", y]])], // biome-ignore format: a row per case
    ];
    for (const [why, fields] of misfits) {
      const fault = await faultOf(trainer.setFields(fields));
      expect(fault.code).toBe("FIELD_MISMATCH");
      expect("why" in fault && fault.why).toContain(why);
    }
    expect(x.data.length).toBe(ROWS * SIZES.features);
  });

  test("says why ONNX Runtime does not accept a program", async () => {
    const broken = { ...program, graph: program.graph.slice(0, 100) };
    expect(await faultOf(make(broken))).toMatchObject({ code: "GRAPH_REJECTED" });
    const other = { ...program, graph: linearEvaluationProgram(SIZES).graph };
    expect(await faultOf(make(other))).toEqual({ code: "GRAPH_REJECTED", why: 'it has no input "m/0"' });
  });

  test("says what is wrong with a call, and answers the next", async () => {
    await using trainer = await make(program);
    const indices = drawIndices(2);
    expect(await faultOf(trainer.weights())).toMatchObject({ code: "CALL_TOO_EARLY", first: "reset" });
    await trainer.setFields(drawFields());
    expect(await faultOf(trainer.run(indices, rates(2)))).toMatchObject({
      code: "CALL_TOO_EARLY",
      first: "reset",
    });
    await trainer.reset(new Float32Array(LENGTH));
    for (const [given, steps] of [
      [indices, 3],
      [new BigInt64Array(), 0],
    ] as const) {
      expect(await faultOf(trainer.run(given, rates(steps)))).toMatchObject({
        code: "RUN_MISFIT",
        learningRates: steps,
      });
    }
    expect(await faultOf(trainer.run(indices, Float32Array.of(0.5, Number.NaN)))).toMatchObject({
      code: "RATE_NOT_FINITE",
      step: 2,
    });
    expect(await trainer.weights()).toEqual(new Float32Array(LENGTH));
    expect(await trainer.run(indices, rates(2))).toHaveLength(2);
    await trainer.setFields(null);
    expect(await faultOf(trainer.run(indices, rates(2)))).toMatchObject({
      code: "CALL_TOO_EARLY",
      first: "setFields",
    });
  });

  test("takes calls that are made at once one after another", async () => {
    await using trainer = await make(program);
    await trainer.setFields(drawFields());
    const indices = drawIndices(4);
    const halves = [indices.slice(0, 2 * SIZES.batchSize), indices.slice(2 * SIZES.batchSize)];
    await trainer.reset(new Float32Array(LENGTH));
    const apart: Float32Array[] = [];
    for (const half of halves) apart.push(await trainer.run(half, rates(2)));
    const weights = await trainer.weights();
    await trainer.reset(new Float32Array(LENGTH));
    expect(await Promise.all(halves.map((half) => trainer.run(half, rates(2))))).toEqual(apart);
    expect(await trainer.weights()).toEqual(weights);
  });

  test("closes twice, and is closed then", async () => {
    const trainer = await make(program);
    await trainer[Symbol.asyncDispose]();
    await trainer[Symbol.asyncDispose]();
    expect((await faultOf(trainer.weights())).code).toMatch(/^(TRAINER_CLOSED|WORKER_ENDED)$/);
  });

  test("stops at the next call once its signal is aborted, and still closes", async () => {
    const stop = new AbortController();
    await using trainer = await make(program, { signal: stop.signal });
    await trainer.setFields(drawFields());
    await trainer.reset(new Float32Array(LENGTH));
    stop.abort(new Error("the owner is back"));
    await expect(trainer.run(drawIndices(1), rates(1))).rejects.toThrow("the owner is back");
    await expect(trainer.weights()).rejects.toThrow("the owner is back");
  });

  test("does not start on a signal that is aborted already", async () => {
    const signal = AbortSignal.abort(new Error("the owner is here"));
    await expect(make(program, { signal })).rejects.toThrow("the owner is here");
  });

  test("hands out no weights that its last step has spoiled, and goes on after a reset", async () => {
    await using trainer = await make(program);
    await trainer.setFields(drawFields());
    // Every logit is as large, so the loss is ln 4; the step adds three quarters of the rate to one bias.
    await trainer.reset(new Float32Array(LENGTH).fill(3e38, 3 * 4, 3 * 4 + 4));
    const [loss] = await trainer.run(new BigInt64Array(SIZES.batchSize), Float32Array.of(3e38));
    expect(loss).toBeCloseTo(Math.log(SIZES.classes), 5);
    expect(await faultOf(trainer.weights())).toEqual({
      code: "WEIGHTS_NOT_FINITE",
      parameter: "bias",
      found: "Infinity",
    });
    await trainer.reset(new Float32Array(LENGTH));
    expect(await trainer.weights()).toEqual(new Float32Array(LENGTH));
  });

  test("ends a call whose own signal is aborted with the state from before it, and goes on", async () => {
    await using trainer = await make(program);
    await trainer.setFields(drawFields());
    await trainer.reset(new Float32Array(LENGTH));
    const indices = drawIndices(200_000);
    const stop = new AbortController();
    const running = trainer.run(indices, rates(200_000), { signal: stop.signal });
    stop.abort(new Error("the owner is back"));
    await expect(running).rejects.toThrow("the owner is back");
    expect(await trainer.weights()).toEqual(new Float32Array(LENGTH));
    expect(await trainer.run(drawIndices(2), rates(2))).toHaveLength(2);
  });
});

type MakeEvaluator = (program: RuntimeProgram) => Promise<Evaluator>;

describe.each<[string, MakeEvaluator]>([
  ["in this thread", openEvaluator],
  ["in a worker", startEvaluator],
  ["in this thread, on WebAssembly", (program) => openEvaluator(program, { backend: "wasm" })],
  ["in a worker, on WebAssembly", (program) => startEvaluator(program, { backend: "wasm" })],
])("an evaluator %s", (_, make) => {
  test("takes the mean over all rows, with a last call that is not full", async () => {
    await using whole = await make(linearEvaluationProgram({ ...SIZES, batchSize: ROWS }));
    await using batched = await make(linearEvaluationProgram({ ...SIZES, batchSize: 1 }));
    const weights = Float32Array.from({ length: LENGTH }, (_, i) => Math.sin(i));
    const expected = await whole.evaluate(weights, drawFields());
    const fields = drawFields();
    for (const evaluation of [
      await batched.evaluate(weights, fields),
      await batched.evaluate(weights, fields),
    ]) {
      expect(evaluation.loss).toBeCloseTo(expected.loss, 5);
      expect(evaluation).toMatchObject({ accuracy: expected.accuracy, count: ROWS });
    }
    expect(fields.get("x")?.data.length).toBe(ROWS * SIZES.features);
  });

  test("refuses a loss that is not finite and weights of another length", async () => {
    await using evaluator = await make(linearEvaluationProgram(SIZES));
    const broken = evaluator.evaluate(new Float32Array(LENGTH).fill(Number.NaN), drawFields());
    expect(await faultOf(broken)).toMatchObject({ code: "LOSS_NOT_FINITE" });
    expect(await faultOf(evaluator.evaluate(new Float32Array(1), drawFields()))).toMatchObject({
      code: "WEIGHTS_LENGTH",
    });
  });
});

test("a trainer in a worker leaves this thread free, and no thread behind", async () => {
  const trainer = await startTrainer(program);
  await trainer.setFields(drawFields());
  await trainer.reset(new Float32Array(LENGTH));
  let turns = 0;
  const ticking = setInterval(() => turns++, 1);
  await trainer.run(drawIndices(20_000), rates(20_000).fill(0.01));
  clearInterval(ticking);
  expect(turns).toBeGreaterThan(3);
  await trainer[Symbol.asyncDispose]();
  await trainer[Symbol.asyncDispose]();
  expect(await faultOf(trainer.weights())).toMatchObject({ code: "WORKER_ENDED" });
});

test("a raised flag ends a call at the step that reads it next", async () => {
  await using trainer = await createSessionTrainer(await loadOrt(), program);
  await trainer.setFields(drawFields());
  await trainer.reset(new Float32Array(LENGTH));
  const flag = createStopFlag();
  await trainer.run(drawIndices(2), rates(2), { flag });
  const before = await trainer.weights();
  raise(flag);
  expect(await faultOf(trainer.run(drawIndices(2), rates(2), { flag }))).toEqual({ code: "RUN_STOPPED" });
  expect(await trainer.weights()).toEqual(before);
  await trainer.run(drawIndices(2), rates(2), { flag: createStopFlag() });
});

test.for(["native", "wasm"] as const)("closing a trainer in a worker ends its call, %s", async (backend) => {
  const trainer = await startTrainer(program, { backend });
  await trainer.setFields(drawFields());
  await trainer.reset(new Float32Array(LENGTH));
  const running = faultOf(trainer.run(drawIndices(200_000), rates(200_000)));
  await trainer[Symbol.asyncDispose]();
  expect(await running).toEqual({ code: "RUN_STOPPED" });
});

test("a call in parts and a call in one give the same bits", async () => {
  await using trainer = await openTrainer(program);
  await trainer.setFields(drawFields());
  const indices = drawIndices(30_000);
  const runs: Float32Array[][] = [];
  for (const options of [{}, { signal: new AbortController().signal }]) {
    await trainer.reset(new Float32Array(LENGTH));
    runs.push([await trainer.run(indices, rates(30_000), options), await trainer.weights()]);
  }
  expect(runs[0]).toEqual(runs[1]);
});

test("fields are moved into a worker without touching tensors that share their memory", async () => {
  await using trainer = await startTrainer(program);
  const shared = new Float32Array(2 * ROWS * SIZES.features).fill(0.5);
  const own = drawFields();
  const x: Tensor = {
    dtype: "float32",
    shape: [ROWS, SIZES.features],
    data: shared.subarray(0, ROWS * SIZES.features),
  };
  await trainer.setFields(new Map([...own, ["x", x]]));
  expect(shared.length).toBe(2 * ROWS * SIZES.features);
  expect(own.get("y")?.data.length).toBe(0);
});

test("memory does not grow with the number of calls", async () => {
  await using trainer = await openTrainer(linearTrainProgram({ features: 500, classes: 500, batchSize: 1 }));
  const length = 500 * 500 + 500 + 1;
  await trainer.setFields(
    new Map<string, Tensor>([
      ["x", { dtype: "float32", shape: [1, 500], data: new Float32Array(500) }],
      ["y", { dtype: "int64", shape: [1], data: new BigInt64Array(1) }],
    ]),
  );
  await trainer.reset(new Float32Array(length));
  const callsOf = async (calls: number): Promise<number> => {
    for (let i = 0; i < calls; i++) await trainer.run(new BigInt64Array(2), new Float32Array(2));
    return process.memoryUsage().rss / 2 ** 20;
  };
  const settledMiB = await callsOf(100);
  // 200 calls make 600 MB of state; kept, it would show.
  expect((await callsOf(200)) - settledMiB).toBeLessThan(200);
});

test("a program that ONNX Runtime cannot run with these tensors is a fault, not a crash", async () => {
  const wider = linearTrainProgram({ ...SIZES, features: 4 });
  await using trainer = await openTrainer({ graph: wider.graph, signature: program.signature });
  await trainer.setFields(drawFields());
  await trainer.reset(new Float32Array(LENGTH));
  expect(await faultOf(trainer.run(drawIndices(1), rates(1)))).toMatchObject({ code: "GRAPH_FAILED" });
});

test("without ONNX Runtime the fault names the platform and what to do", () => {
  const hook = `import { registerHooks } from "node:module";
    registerHooks({ resolve(name, context, next) {
      if (name === "onnxruntime-node") throw new Error("no library here");
      return next(name, context);
    } });`;
  const script = `import { loadOrt } from ${JSON.stringify(new URL("./load-ort.ts", import.meta.url).href)};
    await loadOrt().catch((error) => process.stdout.write(error.code + ": " + error.message));`;
  const said = execFileSync(process.execPath, [
    "--import",
    `data:text/javascript,${encodeURIComponent(hook)}`,
    "--input-type=module",
    "--eval",
    script,
  ]).toString();
  expect(said).toBe(
    `ENGINE_MISSING: ONNX Runtime does not load on ${process.platform}-${process.arch} (no library here); ` +
      "it needs Linux with glibc, macOS or Windows on x64 or arm64, and onnxruntime-node installed by `npm ci`",
  );
});

test("measures a plausible number of GFLOP/s", async () => {
  const gflops = await measureGflops({ clock: { monotonicMs: () => performance.now() } });
  expect(gflops).toBeGreaterThan(0.5);
  expect(gflops).toBeLessThan(2_000);
});
