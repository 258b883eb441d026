import { existsSync, readFileSync } from "node:fs";
import { isFault } from "@pingo/core";
import { describe, expect, test } from "vitest";
import { defineModel } from "../builder/define-model.ts";
import { readModel } from "../onnx/reader.ts";
import { FIXTURE_NAMES, hasFixtures } from "../onnx/testing/fixtures.ts";
import { CASE_ERROR_MAX, checkGradients, DIFFERENCE_ERROR_MAX } from "./check-gradients.ts";
import { parseGradientCase } from "./gradient-case.ts";
import { inspectModel } from "./inspect.ts";

const FOLDER = new URL("../../../../../shared/fixtures/autograd/", import.meta.url);

function fixture(name: string) {
  const read = (file: string) => new Uint8Array(readFileSync(new URL(`${name}/${file}`, FOLDER)));
  const json = new TextDecoder().decode(read("case.json"));
  return { model: readModel(read("model.onnx")), json, bytes: read("case.bin") };
}

const model = defineModel(
  { name: "small", seed: 3, inputs: { x: { dtype: "float32", shape: ["batch", 2, 6, 6] } } },
  (b, { x }) => {
    const features = b.batchNorm2d(b.conv2d(x, { outChannels: 3, kernel: 3 }));
    return { y: b.linear(b.flatten(b.relu(features)), { outFeatures: 4 }) };
  },
);

test.skipIf(existsSync(FOLDER))("the PyTorch cases are not beside this checkout: nothing is compared", () => {
  expect(existsSync(FOLDER)).toBe(false);
});

test.skipIf(!hasFixtures).for(FIXTURE_NAMES)("every gradient of %s is PyTorch's", async (name) => {
  const { model, json, bytes } = fixture(name);
  const given = parseGradientCase(json, bytes);
  const result = await checkGradients(model, { case: given });
  expect(result).toMatchObject({ checked: given.gradients.size, passed: true });
  expect(result.worst).toBeLessThan(CASE_ERROR_MAX);
});

test("gradients agree with differences in float64, batch norm in training mode", async () => {
  const result = await checkGradients(model);
  expect(result).toMatchObject({ checked: 6, passed: true });
  expect(result.worst).toBeLessThan(DIFFERENCE_ERROR_MAX);
});

test("gradients that are zero, and are said to be, agree", async () => {
  const inputs = { x: { dtype: "float32", shape: ["batch", 2] } } as const;
  const flat = defineModel({ name: "flat", seed: 3, inputs }, (b, { x }) => ({
    y: b.relu(b.add(b.linear(x, { outFeatures: 3 }), -99)),
  }));
  expect(await checkGradients(flat)).toMatchObject({ worst: 0, checked: 2, passed: true });
});

test.skipIf(!hasFixtures)("a gradient that is not the model's fails, and its tensor is named", async () => {
  const { model, json, bytes } = fixture("mlp");
  const given = parseGradientCase(json, bytes);
  const [name = "", tensor] = [...given.gradients][2] ?? [];
  if (tensor === undefined) throw new Error("the case has too few gradients");
  const data = Float32Array.from(Array.from(tensor.data, Number), (value) => value * 1.001);
  const altered = { ...given, gradients: new Map([...given.gradients, [name, { ...tensor, data }]]) };
  expect(await checkGradients(model, { case: altered })).toMatchObject({ tensor: name, passed: false });
});

test("a case is read from a Buffer that lies inside a larger one, too", () => {
  const whole = Buffer.from(new Float32Array([9, 1, 2]).buffer);
  const tensors = [{ role: "target", name: "t", dtype: "float32", shape: [2], offset: 0 }];
  const read = parseGradientCase(JSON.stringify({ loss: "mean_squared_error", tensors }), whole.subarray(4));
  expect(read.objective.target?.tensor.data).toEqual(Float32Array.of(1, 2));
});

describe("a case that cannot be used says why", () => {
  const tensor = { role: "target", name: "t", dtype: "int64", shape: [2], offset: 0 };
  const json = (tensors: unknown, loss = "mean_squared_error") => JSON.stringify({ loss, tensors });
  test.each<readonly [string, string]>([
    ["{", "not JSON"],
    ["[]", "no object"],
    [json([], "hinge"), '"hinge" is not known'],
    [json({}), "must be a list"],
    [json([]), "role target"],
    [json([{ ...tensor, role: 1 }]), "lacks role or name"],
    [json([{ ...tensor, shape: [-1] }]), "shape or offset"],
    [json([{ ...tensor, dtype: "float16" }]), "must be float32 or int64"],
    [json([{ ...tensor, offset: 8 }]), "ends at byte 24 of the 16"],
  ])("%s", (text, sentence) => {
    try {
      parseGradientCase(text, new Uint8Array(16));
      expect.unreachable();
    } catch (error) {
      if (!isFault(error)) throw error;
      expect(error.code).toBe("CASE_INVALID");
      expect(error.message).toContain(sentence);
    }
  });

  test("CHECK_INPUT_MISSING", async () => {
    const given = parseGradientCase(json([tensor]), new Uint8Array(16));
    await expect(checkGradients(model, { case: given })).rejects.toMatchObject({
      code: "CHECK_INPUT_MISSING",
      message: expect.stringContaining('"x"'),
    });
  });
});

describe("inspection", () => {
  test("counts operators, parameters and the cost of a row", () => {
    expect(inspectModel(model)).toEqual({
      ops: expect.objectContaining({ Conv: 1, BatchNormalization: 1, Relu: 1, Gemm: 1 }),
      parameters: { tensors: 6, elements: 54 + 3 + 3 + 3 + 192 + 4 },
      leftOut: [],
      halves: {},
      flopsPerRow: expect.any(Number),
      memory: { stateBytes: 4 * 4 * 259, activationBytesPerRow: expect.any(Number) },
      withoutGradient: [],
      trainStep: {
        batchSize: 32,
        flops: expect.any(Number),
        memory: expect.objectContaining({ stateBytes: 4 * (3 * 259 + 6) }),
      },
      obstacle: null,
    });
    const products = 2 * (3 * 16 * 18) + 2 * (4 * 48);
    expect(inspectModel(model).flopsPerRow).toBeGreaterThanOrEqual(products);
    expect(inspectModel(model).flopsPerRow).toBeLessThan(products + 300);
  });

  test("a train step costs its products three times over, but for the first layer's input, and the optimizer", () => {
    const matrices = defineModel(
      { name: "m", seed: 1, inputs: { x: { dtype: "float32", shape: ["batch", 100] } } },
      (b, { x }) => ({ y: b.linear(b.linear(x, { outFeatures: 200 }), { outFeatures: 300 }) }),
    );
    const [first, second] = [2 * 8 * 100 * 200, 2 * 8 * 200 * 300];
    const elements = 100 * 200 + 200 + 200 * 300 + 300;
    const { trainStep } = inspectModel(matrices, { batchSize: 8 });
    const flops = 2 * first + 3 * second + 12 * elements;
    expect(trainStep?.flops).toBeGreaterThanOrEqual(flops);
    expect(trainStep?.flops).toBeLessThan(1.1 * flops);
  });

  test("a model that cannot be trained is shown all the same, with what is in the way", () => {
    const nothing = defineModel(
      { name: "m", seed: 1, inputs: { x: { dtype: "float32", shape: ["batch", 4] } } },
      (b, { x }) => ({ y: b.relu(x) }),
    );
    expect(inspectModel(nothing)).toMatchObject({
      ops: { Relu: 1 },
      parameters: { tensors: 0, elements: 0 },
      trainStep: null,
      obstacle: { code: "NOTHING_TO_TRAIN" },
    });
  });
});
