/** Models as exporters spell them: each is read, differentiated and trained, and nothing but its weights is changed. */
import { describe, expect, test } from "vitest";
import { readModel } from "../src/onnx/reader.ts";
import { distance } from "../src/onnx/testing/file-model.ts";
import { runOnnx } from "../src/onnx/testing/run-onnx.ts";
import type { ProgramOptions } from "../src/program/model-step.ts";
import { buildTrainProgram } from "../src/program/train-program.ts";
import { checkGradients } from "../src/reference/check-gradients.ts";
import { evaluate } from "../src/reference/evaluate.ts";
import { referenceOf } from "../src/reference/value.ts";
import { DYNAMO } from "./exporters/dynamo.ts";
import { type Exported, ROWS } from "./exporters/exported.ts";
import { JAX } from "./exporters/jax.ts";
import { KERAS } from "./exporters/keras.ts";
import { random, trainFeeds } from "./programs.ts";
import { f32, floatsOf, openGraph } from "./run-graph.ts";

const STEPS = 60;
const EXPORTS: readonly Exported[] = [...DYNAMO, ...KERAS, ...JAX];

describe.each(EXPORTS.map((one) => [one.name, one] as const))("%s", (_, { bytes, inputs, parameters }) => {
  const model = readModel(bytes);
  const output = model.outputs[0]?.name ?? "";

  test("the float64 evaluator finds what ONNX Runtime finds in the file itself", async () => {
    const expected = (await runOnnx(bytes, inputs)).get(output) ?? f32([], []);
    const given = new Map([...inputs].map(([name, tensor]) => [name, referenceOf(tensor)]));
    const found = evaluate(model, given).get(output);
    const numbers = Float32Array.from(found?.data ?? [], Number);
    expect(distance(f32(found?.shape ?? [], numbers), expected)).toBeLessThan(1e-5);
  });

  test("its gradients agree with differences in float64", async () => {
    const result = await checkGradients(model);
    expect(result).toMatchObject({ checked: parameters.length, passed: true });
  });

  test("its weights and nothing else are trained, and it learns", async () => {
    const shape = (await runOnnx(bytes, inputs)).get(output)?.shape ?? [];
    const target = random(5, shape, 0.5);
    const options: ProgramOptions = {
      fields: [...inputs, ["target", target] as const].map(([name, tensor]) => {
        return { name, dtype: tensor.dtype, rowShape: tensor.shape.slice(1) };
      }),
      target: "target",
      loss: "mean-squared-error",
      optimizer: { adamw: { learningRate: 0.02, weightDecay: 0, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } },
      batchSize: ROWS,
    };
    const program = buildTrainProgram(model, options);
    const trained = program.signature.parameters.filter(({ kind }) => kind === "trained");
    expect(trained.map(({ name }) => name).sort()).toEqual([...parameters].sort());
    const run = await openGraph(program.graph);
    const batches = Array.from({ length: STEPS }, () => Array.from({ length: ROWS }, (__, row) => row));
    const rates = batches.map(() => 0.02);
    const fields = new Map([...inputs, ["target", target] as const]);
    const losses = floatsOf((await run(trainFeeds(program, fields, batches, rates))).get("loss"));
    expect(losses.at(-1)).toBeLessThan(0.6 * Number(losses[0]));
  });
});
