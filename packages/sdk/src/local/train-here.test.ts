/** A job on this machine alone hands over what the network would: merged adapters, the mean beside the last weights. */
import { defineModel, readModel, type Tensor, writeModel } from "@pingo/autograd";
import { systemClock } from "@pingo/core/system";
import { createMemoryDisk } from "@pingo/core/testing";
import { decodeSafetensors, encodeSafetensors } from "@pingo/storage";
import { expect, test } from "vitest";
import { parseJobFile } from "../job-file.ts";
import { prepareJob } from "../prepare-job.ts";
import { type LocalResult, trainHere } from "./train-here.ts";

const ROWS = 24;
const model = defineModel(
  { name: "tiny", seed: 2, inputs: { x: { dtype: "float32", shape: ["batch", 4] } } },
  (b, { x }) => ({
    logits: b.linear(b.relu(b.linear(x, { name: "first", outFeatures: 8 })), {
      name: "head",
      outFeatures: 2,
    }),
  }),
);
const data = new Map<string, Tensor>([
  [
    "x",
    {
      dtype: "float32",
      shape: [ROWS, 4],
      data: Float32Array.from({ length: 4 * ROWS }, (_, i) => Math.sin(i * i)),
    },
  ],
  [
    "label",
    {
      dtype: "int64",
      shape: [ROWS],
      data: BigInt64Array.from({ length: ROWS }, (_, i) => (Math.sin(16 * i * i) > 0 ? 1n : 0n)),
    },
  ],
]);

async function trained(more: string): Promise<LocalResult> {
  const text = `apiVersion: pingo/v1
kind: Train
name: tiny
model: model.onnx
data: { train: data.safetensors, test: data.safetensors }
objective: { loss: softmax-cross-entropy, target: label }
optimizer: { adamw: { learningRate: 0.01 } }
schedule: { rounds: 3, stepsPerRound: 4, batchSize: 8, accumulate: 2 }
${more}
`;
  const disk = createMemoryDisk();
  disk.files.set("/job/model.onnx", writeModel(model));
  disk.files.set("/job/data.safetensors", encodeSafetensors(data));
  const file = parseJobFile(text, "job.yaml");
  const prepared = await prepareJob(file, { folder: "/job", disk, isInOnePlace: true });
  return trainHere(prepared, { clock: systemClock, scratchFolder: "/nowhere" });
}

test("adapters come back merged into the model, and alone", async () => {
  const result = await trained('adapt: { lora: { rank: 2, targets: ["first.*"] } }');
  expect([...decodeSafetensors(result.adapters ?? new Uint8Array()).keys()].sort()).toEqual([
    "base_model.model.first.lora_A.weight",
    "base_model.model.first.lora_B.weight",
  ]);
  const { initializers } = readModel(result.model);
  expect([...initializers.keys()].sort()).toEqual([...model.initializers.keys()].sort());
  expect(initializers.get("first.weight")).not.toEqual(model.initializers.get("first.weight"));
  expect(initializers.get("head.weight")).toEqual(model.initializers.get("head.weight"));
  expect(result.rawModel).toBeNull();
});

test("the mean of the steps comes back beside the last weights, both measured", async () => {
  const plain = await trained("");
  const mean = await trained("average: { decay: 0.9 }");
  expect(mean.weights).toEqual(plain.weights);
  expect(mean.rawModel).toEqual(plain.model);
  expect(mean.model).not.toEqual(plain.model);
  expect(mean.metrics.map(({ rawTestLoss }) => rawTestLoss)).toEqual(
    plain.metrics.map(({ testLoss }) => testLoss),
  );
  // A round has several steps, so the mean is another from the first on.
  for (const { testLoss, rawTestLoss } of mean.metrics) expect(testLoss).not.toBe(rawTestLoss);
  expect(plain.metrics[0]).not.toHaveProperty("rawTestLoss");
  expect([plain.adapters, plain.rawModel]).toEqual([null, null]);
});

test("a mean of which each step leaves nothing is the last weights", async () => {
  const { average, weights } = await trained("average: { decay: 0.000001 }");
  for (const [i, number] of (average ?? []).entries())
    expect(number).toBeCloseTo(weights[i] ?? Number.NaN, 6);
});
