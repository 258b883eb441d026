import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineModel, writeModel } from "@pingo/autograd";
import { afterAll, beforeAll, expect, test } from "vitest";
import { pingo } from "./pingo.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pingo-autograd-"));
  const model = defineModel(
    { name: "m", seed: 1, inputs: { x: { dtype: "float32", shape: ["batch", 3] } } },
    (b, { x }) => ({ y: b.linear(b.relu(b.linear(x, { outFeatures: 5 })), { outFeatures: 2 }) }),
  );
  await writeFile(join(folder, "model.onnx"), writeModel(model));
});
afterAll(() => rm(folder, { recursive: true }));

test("inspect counts operators and parameters", async () => {
  const { exitCode, stdout } = await pingo(["autograd", "inspect", join(folder, "model.onnx"), "--json"]);
  expect(exitCode).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    ops: { Gemm: 2, Relu: 1 },
    parameters: { tensors: 4, elements: 32 },
    withoutGradient: [],
    trainStep: { batchSize: 32, flops: expect.any(Number) },
    obstacle: null,
  });
});

test("inspect shows people a table, and a train step of the batch they ask for", async () => {
  const ran = await pingo(["autograd", "inspect", join(folder, "model.onnx"), "--batch", "8"]);
  expect(ran.stdout.split("\n")[0]).toMatch(/^operator +nodes$/);
  expect(ran.stdout).toMatch(/^train step +[\d.]+ k?FLOPs for a batch of 8$/m);
});

test("check passes for right gradients and fails, exit code 1, for a case that has others", async () => {
  const model = join(folder, "model.onnx");
  const right = await pingo(["autograd", "check", model, "--json"]);
  expect(JSON.parse(right.stdout)).toMatchObject({ checked: 4, passed: true });
  expect(right.exitCode).toBe(0);
  const tensors = [
    { role: "input", name: "x", dtype: "float32", shape: [1, 3], offset: 0 },
    { role: "target", name: "t", dtype: "float32", shape: [1, 2], offset: 12 },
    { role: "gradient", name: "linear2.bias", dtype: "float32", shape: [2], offset: 20 },
  ];
  await writeFile(join(folder, "case.json"), JSON.stringify({ loss: "mean_squared_error", tensors }));
  await writeFile(join(folder, "case.bin"), new Uint8Array(Float32Array.of(1, 2, 3, 9, 9, 9, 9).buffer));
  const wrong = await pingo(["autograd", "check", model, "--case", folder, "--json"]);
  expect(JSON.parse(wrong.stdout)).toMatchObject({ tensor: "linear2.bias", checked: 1, passed: false });
  expect(wrong.exitCode).toBe(1);
});
