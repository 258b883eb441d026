import { describe, expect, test } from "vitest";
import { defineModel } from "../src/builder/define-model.ts";
import type { Graph } from "../src/graph/graph.ts";
import type { Tensor } from "../src/graph/tensor.ts";
import { ProgramError } from "../src/program/fault.ts";
import type { ProgramOptions } from "../src/program/model-step.ts";
import { buildTrainProgram } from "../src/program/train-program.ts";
import { openTrainer } from "../src/runtime/open-trainer.ts";
import { IMAGE, IMAGE_OPTIONS, IMAGE_ROWS, imageFields, MODELS } from "./models.ts";
import { f32, floatsOf } from "./run-graph.ts";

const STEPS = 3;
const MiB = 2 ** 20;

async function trained(model: Graph, options: Partial<ProgramOptions>): Promise<readonly Tensor[]> {
  const program = buildTrainProgram(model, { ...IMAGE_OPTIONS, ...options });
  await using trainer = await openTrainer(program);
  await trainer.setFields(imageFields());
  await trainer.reset(program.initialWeights);
  const indices = BigInt64Array.from({ length: STEPS * 12 }, (_, i) => BigInt((5 * i) % IMAGE_ROWS));
  const losses = await trainer.run(indices, new Float32Array(STEPS).fill(0.01));
  const weights = await trainer.weights();
  return [f32([losses.length], losses), f32([weights.length], weights)];
}

function expectClose(found: readonly Tensor[], wanted: readonly Tensor[]): void {
  for (const [i, tensor] of wanted.entries()) {
    const others = floatsOf(found[i]);
    const errors = floatsOf(tensor).map((value, k) => Math.abs(value - (others[k] ?? Number.NaN)));
    expect(Math.max(...errors)).toBeLessThan(1e-5);
  }
}

describe.each(Object.entries(MODELS))("what is computed again in %s", (_, model) => {
  test.each([2, 3, 7])("gives what was kept, in %i parts", async (recompute) => {
    expectClose(await trained(model, { recompute }), await trained(model, {}));
  });

  test("may be computed in micro-batches besides", async () => {
    const microBatches = 3;
    expectClose(await trained(model, { recompute: 3, microBatches }), await trained(model, { microBatches }));
  });

  test("takes less memory in more parts, and in more passes", () => {
    const stepBytes = (options: Partial<ProgramOptions>) =>
      buildTrainProgram(model, { ...IMAGE_OPTIONS, ...options }).memory.stepBytes;
    expect(stepBytes({ recompute: 3 })).toBeLessThan(stepBytes({}));
    const passes = [1, 2, 3, 6, 12].map((microBatches) => stepBytes({ microBatches }));
    expect(passes.toSorted((a, b) => b - a)).toEqual(passes);
  });
});

describe("a memory limit", () => {
  const whole = (model: Graph) => buildTrainProgram(model, IMAGE_OPTIONS);

  test("that nothing exceeds changes nothing", () => {
    const program = whole(MODELS.residual);
    const limited = buildTrainProgram(MODELS.residual, { ...IMAGE_OPTIONS, memoryLimitBytes: 200 * MiB });
    expect(limited).toEqual(program);
    expect(limited.layout).toEqual({ microBatches: 1, recompute: 1 });
  });

  test("cuts the batch as little as it must, and the result is the same but for rounding", async () => {
    const model = MODELS.residual;
    const passesOf = (microBatches: number) => buildTrainProgram(model, { ...IMAGE_OPTIONS, microBatches });
    const memoryLimitBytes = Math.max(passesOf(3).memory.totalBytes, passesOf(4).memory.totalBytes);
    const program = buildTrainProgram(model, { ...IMAGE_OPTIONS, memoryLimitBytes });
    expect(program.layout.microBatches).toBeLessThanOrEqual(3);
    expect(program.layout.recompute).toBe(1);
    expect(program.memory.totalBytes).toBeLessThanOrEqual(memoryLimitBytes);
    expectClose(await trained(model, { memoryLimitBytes }), await trained(model, {}));
  });

  test("never cuts the batches of a batch norm, but computes activations again", async () => {
    const model = defineModel({ name: "norms", seed: 4, inputs: IMAGE }, (b, { x }) => {
      let y = x;
      for (let i = 0; i < 8; i++) y = b.relu(b.batchNorm2d(b.conv2d(y, { outChannels: 128, kernel: 1 })));
      return { y: b.linear(b.flatten(b.maxPool2d(y, { kernel: 8 })), { outFeatures: 3 }) };
    });
    const memoryLimitBytes = whole(model).memory.totalBytes - 1;
    const { layout } = buildTrainProgram(model, { ...IMAGE_OPTIONS, memoryLimitBytes });
    expect(layout.microBatches).toBe(1);
    expect(layout.recompute).toBeGreaterThan(1);
    expectClose(await trained(model, { memoryLimitBytes }), await trained(model, {}));
  });

  test("that no layout meets is a fault that says how much it takes", () => {
    for (const [name, model] of Object.entries(MODELS)) {
      const building = () => buildTrainProgram(model, { ...IMAGE_OPTIONS, memoryLimitBytes: MiB });
      expect(building).toThrow(ProgramError);
      expect(building).toThrow(
        name === "batchNorm" ? /1.00 MiB are allowed.*microBatches/ : /1.00 MiB are allowed/,
      );
    }
  });
});
