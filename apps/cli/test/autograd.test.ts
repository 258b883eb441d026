import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineModel, writeModel } from "@pingo/autograd";
import { afterAll, beforeAll, expect, test } from "vitest";
import { pingo } from "./pingo.ts";

let folder = "";
const model = defineModel(
  { name: "m", seed: 1, inputs: { x: { dtype: "float32", shape: ["batch", 3] } } },
  (b, { x }) => ({ y: b.linear(b.relu(b.linear(x, { outFeatures: 5 })), { outFeatures: 2 }) }),
);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pingo-autograd-"));
  await writeFile(join(folder, "model.onnx"), writeModel(model));
});
/** A number that scales the scores: trained only where it is named. */
async function scaled(): Promise<string> {
  const scale = { dtype: "float32", shape: [], data: Float32Array.of(0.5) } as const;
  const { nodes, initializers, ...rest } = model;
  const multiplied = {
    op: "Mul",
    name: "scaling",
    attributes: {},
    inputs: ["y/raw", "scale"],
    outputs: ["y"],
  } as const;
  const renamed = nodes.map((node) => ({
    ...node,
    outputs: node.outputs.map((name) => (name === "y" ? "y/raw" : name)),
  }));
  const path = join(folder, "scaled.onnx");
  const graph = { ...rest, initializers: new Map([...initializers, ["scale", scale] as const]) };
  await writeFile(path, writeModel({ ...graph, nodes: [...renamed, multiplied] }));
  return path;
}
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
  const path = join(folder, "model.onnx");
  const right = await pingo(["autograd", "check", path, "--json"]);
  expect(JSON.parse(right.stdout)).toMatchObject({ checked: 4, passed: true });
  expect(right.exitCode).toBe(0);
  const tensors = [
    { role: "input", name: "x", dtype: "float32", shape: [1, 3], offset: 0 },
    { role: "target", name: "t", dtype: "float32", shape: [1, 2], offset: 12 },
    { role: "gradient", name: "linear2.bias", dtype: "float32", shape: [2], offset: 20 },
  ];
  await writeFile(join(folder, "case.json"), JSON.stringify({ loss: "mean_squared_error", tensors }));
  await writeFile(join(folder, "case.bin"), new Uint8Array(Float32Array.of(1, 2, 3, 9, 9, 9, 9).buffer));
  const wrong = await pingo(["autograd", "check", path, "--case", folder, "--json"]);
  expect(JSON.parse(wrong.stdout)).toMatchObject({ tensor: "linear2.bias", checked: 1, passed: false });
  expect(wrong.exitCode).toBe(1);
});

test("what is left out by a guess is told, and --also-train has its gradient checked", async () => {
  const path = await scaled();
  const inspected = await pingo(["autograd", "inspect", path]);
  expect(inspected.stdout).toMatch(/^left out +"scale": without an axis, so taken for a constant$/m);
  const check = async (...more: string[]) => {
    const { stdout } = await pingo(["autograd", "check", path, "--json", ...more]);
    return JSON.parse(stdout);
  };
  expect(await check()).toMatchObject({ checked: 4, passed: true });
  expect(await check("--also-train", "scale")).toMatchObject({ checked: 5, passed: true });
  const unknown = await pingo(["autograd", "check", path, "--also-train", "scale", "skale"]);
  expect(unknown.stderr).toContain('alsoTrain: the pattern "skale" matches no parameter of the model');
  expect(unknown.exitCode).not.toBe(0);
});
