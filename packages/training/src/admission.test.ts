import { defineModel, type Graph, type Tensor } from "@pingo/autograd";
import type { DatasetManifest, Loss } from "@pingo/core";
import { expect, test } from "vitest";
import { checkTrainJob, type DatasetToCheck, type JobToCheck } from "./admission.ts";
import { jobOf, manifestOf } from "./testing/shapes.ts";

const CLASSES = 3;
const model: Graph = defineModel(
  { name: "tiny", seed: 1, inputs: { image: { dtype: "float32", shape: ["batch", 2] } } },
  (b, { image }) => ({ logits: b.linear(image, { outFeatures: CLASSES }) }),
);

function shardOf(rows: number): Map<string, Tensor> {
  return new Map<string, Tensor>([
    ["image", { dtype: "float32", shape: [rows, 2], data: new Float32Array(rows * 2) }],
    ["label", { dtype: "int64", shape: [rows], data: new BigInt64Array(rows) }],
  ]);
}

function dataset(
  shardRows: readonly number[],
  change: (shards: Map<string, Tensor>[]) => void = () => undefined,
) {
  const shards = shardRows.map(shardOf);
  change(shards);
  return { manifest: manifestOf(shardRows), shards };
}

function check(change: Partial<JobToCheck>): ReturnType<typeof checkTrainJob> {
  return checkTrainJob({ job: jobOf(), model, train: dataset([10, 6]), test: dataset([5]), ...change });
}

function withManifest(change: Partial<DatasetManifest>): DatasetToCheck {
  const good = dataset([10, 6]);
  return { ...good, manifest: { ...good.manifest, ...change } };
}

const set = (
  shard: Map<string, Tensor> | undefined,
  name: string,
  at: number,
  value: number | bigint,
): void => {
  // SAFETY: the test's own tensors, which it may write to.
  const data = shard?.get(name)?.data as Record<number, number | bigint> | undefined;
  if (data) data[at] = value;
};

test("a sound job is admitted with its programs", async () => {
  const admission = await check({});
  expect(admission.classes).toBe(CLASSES);
  expect(admission.train.initialWeights.length).toBe(2 * CLASSES + CLASSES);
  expect(admission.train.signature).toEqual(admission.evaluation.signature);
});

test("the program is laid out for the memory that the job asks of its workers", async () => {
  const image = { dtype: "float32", shape: ["batch", 2] } as const;
  // Few weights and large activations.
  const wide = defineModel({ name: "wide", seed: 1, inputs: { image } }, (b, inputs) => {
    const plane = b.reshape(b.linear(inputs.image, { outFeatures: 1_024 }), [0, 1, 32, 32]);
    const features = b.tanh(b.conv2d(plane, { outChannels: 32, kernel: 3, padding: 1 }));
    return { logits: b.linear(b.flatten(b.maxPool2d(features, { kernel: 32 })), { outFeatures: CLASSES }) };
  });
  const jobWith = (memoryBytes: number) => ({ ...jobOf(), workers: { ...jobOf().workers, memoryBytes } });
  const plain = (await check({ model: wide })).train;
  expect(plain.layout).toEqual({ microBatches: 1, recompute: 1 });
  const limitBytes = plain.memory.totalBytes - 2 ** 19;
  const tight = (await check({ model: wide, job: jobWith(limitBytes) })).train;
  expect(tight.layout.microBatches).toBeGreaterThan(1);
  expect(tight.memory.totalBytes).toBeLessThanOrEqual(limitBytes);
  await expect(check({ model: wide, job: jobWith(2 ** 20) })).rejects.toMatchObject({ code: "MEMORY_LIMIT" });
});

test.each<[string, Partial<JobToCheck>, Record<string, unknown>]>([
  [
    "fewer rows than a batch",
    { train: dataset([3, 4]) },
    { code: "DATASET_EMPTY", dataset: "training", rows: 7, batchSize: 8 },
  ],
  [
    "no target",
    { job: { ...jobOf(), objective: { loss: "softmax-cross-entropy", target: "digit", metrics: [] } } },
    { code: "TARGET_MISSING", target: "digit", fields: ["image", "label"] },
  ],
  ["rows that do not add up", { train: withManifest({ rows: 17 }) }, { code: "DATASET_MISFIT" }],
  [
    "a shard too few",
    { train: { ...dataset([10, 6]), shards: [shardOf(10)] } },
    { code: "DATASET_MISFIT", dataset: "training" },
  ],
  [
    "a shard of other rows than its manifest says",
    { train: { ...dataset([10, 6]), shards: [shardOf(10), shardOf(5)] } },
    { code: "SHAPE_MISMATCH", field: "image", found: "float32[5, 2]", expected: "float32[6, 2]" },
  ],
  [
    "test data of another shape",
    {
      test: {
        ...dataset([5]),
        manifest: { ...manifestOf([5]), fields: [{ name: "label", dtype: "int64", rowShape: [] }] },
      },
    },
    { code: "SHAPE_MISMATCH", dataset: "test", field: "image", found: "missing" },
  ],
  [
    "a label beyond the classes",
    { train: dataset([10, 6], (shards) => set(shards[1], "label", 2, 3n)) },
    { code: "LABEL_OUT_OF_RANGE", dataset: "training", field: "label", row: 12, label: "3", classes: 3 },
  ],
  [
    "a negative label",
    { test: dataset([5], (shards) => set(shards[0], "label", 4, -1n)) },
    { code: "LABEL_OUT_OF_RANGE", dataset: "test", row: 4, label: "-1" },
  ],
  [
    "NaN in the data",
    { train: dataset([10, 6], (shards) => set(shards[1], "image", 11, Number.NaN)) },
    { code: "DATA_NOT_FINITE", field: "image", row: 15, found: "NaN" },
  ],
  [
    "infinity in the data",
    { test: dataset([5], (shards) => set(shards[0], "image", 0, Number.NEGATIVE_INFINITY)) },
    { code: "DATA_NOT_FINITE", dataset: "test", field: "image", row: 0, found: "-Infinity" },
  ],
])("%s is refused, with its place", async (_, change, fault) => {
  await expect(check(change)).rejects.toMatchObject({ fault });
});

/** Targets of three shares a row. */
function shares(loss: Loss, change: (data: Float32Array) => void = () => undefined): Partial<JobToCheck> {
  const data = new Float32Array(16 * CLASSES).fill(0.5);
  change(data);
  const label: Tensor = { dtype: "float32", shape: [16, CLASSES], data };
  const manifest: DatasetManifest = {
    ...manifestOf([16]),
    fields: [
      { name: "image", dtype: "float32", rowShape: [2] },
      { name: "label", dtype: "float32", rowShape: [CLASSES] },
    ],
  };
  const shards = [new Map([...shardOf(16), ["label", label] as const])];
  const job = { ...jobOf(), objective: { loss, target: "label", metrics: [] } };
  return { job, train: { manifest, shards }, test: null };
}

test.each<Loss>(["mean-squared-error", "mean-absolute-error", "huber"])(
  "%s takes any finite target",
  async (loss) => {
    await check(shares(loss, (data) => data.set([-7, 1e6])));
    await expect(check(shares(loss, (data) => data.set([Number.NaN])))).rejects.toMatchObject({
      fault: { code: "DATA_NOT_FINITE", field: "label", row: 0 },
    });
  },
);

test.each<Loss>(["binary-cross-entropy", "kl-divergence"])("%s takes targets from 0 to 1", async (loss) => {
  await check(shares(loss));
  await expect(check(shares(loss, (data) => data.set([1.5], 4)))).rejects.toMatchObject({
    fault: { code: "TARGET_OUT_OF_RANGE", dataset: "training", field: "label", row: 1, found: "1.5", loss },
  });
});

test("a label that is to be ignored may lie beyond the classes", async () => {
  const train = dataset([16], (shards) => set(shards[0], "label", 2, -100n));
  const { objective, ...job } = jobOf();
  await check({ job: { ...job, objective: { ...objective, ignoreIndex: -100 } }, train });
});

test("data that does not fit the model is refused before a row is read", async () => {
  const wide = defineModel(
    { name: "wide", seed: 1, inputs: { image: { dtype: "float32", shape: ["batch", 5] } } },
    (b, { image }) => ({ logits: b.linear(image, { outFeatures: CLASSES }) }),
  );
  let isRead = false;
  const shards = (function* () {
    isRead = true;
    yield shardOf(16);
  })();
  const train = { manifest: manifestOf([16]), shards };
  await expect(check({ model: wide, train })).rejects.toMatchObject({ code: "FIELD_MISMATCH" });
  expect(isRead).toBe(false);
});
