import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Graph, type Tensor, writeModel } from "@pingo/autograd";
import { withoutGradient } from "@pingo/autograd/testing";
import { createPrng, LIMITS } from "@pingo/core";
import { systemDisk } from "@pingo/core/system";
import { createMemoryDisk, type MemoryDisk } from "@pingo/core/testing";
import { encodeSafetensors, readManifest, readShards } from "@pingo/storage";
import { createMemoryBlocks } from "@pingo/storage/testing";
import { describe, expect, test } from "vitest";
import { parseJobFile } from "./job-file.ts";
import { packJob } from "./pack-job.ts";
import { prepareJob } from "./prepare-job.ts";

const ROWS = 12;
const JOB = `apiVersion: pingo/v1
kind: Train
name: tiny
model: model.onnx
data: { train: train.safetensors, test: test.csv }
objective: { loss: softmax-cross-entropy, target: label }
schedule: { rounds: 1, stepsPerRound: 2, batchSize: 4 }
`;

function tensor(values: Float32Array, ...shape: number[]): Tensor {
  return { dtype: "float32", shape, data: values };
}

/** scores f32[batch, 3] = features f32[batch, 2] · weight */
function linear(): Graph {
  const weight = tensor(Float32Array.of(0.1, -0.2, 0.3, 0.4, 0.5, -0.6), 2, 3);
  const node = { name: "scores/op", inputs: ["features", "weight"], outputs: ["scores"] };
  return {
    name: "linear",
    inputs: [{ name: "features", type: { dtype: "float32", shape: ["batch", 2] } }],
    outputs: [{ name: "scores", type: { dtype: "float32", shape: ["batch", 3] } }],
    initializers: new Map([["weight", weight]]),
    nodes: [{ op: "MatMul", attributes: {}, ...node }],
  };
}

function features(rows = ROWS): Float32Array {
  const prng = createPrng(5);
  return Float32Array.from({ length: rows * 2 }, () => prng.float());
}

function labels(rows = ROWS): Tensor {
  return {
    dtype: "int64",
    shape: [rows],
    data: BigInt64Array.from({ length: rows }, (_, i) => BigInt(i % 3)),
  };
}

function folderWith(files: Readonly<Record<string, Uint8Array | string | null>> = {}): MemoryDisk {
  const disk = createMemoryDisk();
  const train = new Map([
    ["features", tensor(features(), ROWS, 2)],
    ["label", labels()],
  ]);
  const all: Readonly<Record<string, Uint8Array | string | null>> = {
    "model.onnx": writeModel(linear()),
    "train.safetensors": encodeSafetensors(train),
    "test.csv": "x,y,label\n0.5,0.25,2\n",
    ...files,
  };
  for (const [name, content] of Object.entries(all)) {
    if (content !== null)
      disk.files.set(
        `/job/${name}`,
        typeof content === "string" ? new TextEncoder().encode(content) : content,
      );
  }
  return disk;
}

test("a good job is prepared, and its blocks hold what its files held", async () => {
  const prepared = await prepareJob(parseJobFile(JOB, "job.yaml"), { folder: "/job", disk: folderWith() });
  expect(prepared).toMatchObject({ train: { rows: ROWS }, test: { rows: 1 } });
  expect(prepared.signature.parameters).toEqual([
    { name: "weight", shape: [2, 3], kind: "trained", slots: ["m", "v"] },
  ]);
  const blocks = createMemoryBlocks();
  const job = await packJob(prepared, blocks);
  expect(job).toMatchObject({ name: "tiny", kind: "Train", budgetNano: "0" });
  const manifest = await readManifest(blocks, job.data.train);
  expect(manifest.rows).toBe(ROWS);
  const tensors = await readShards(blocks, manifest);
  expect(tensors.get("features")?.data.length).toBe(ROWS * 2);
  expect(await packJob(prepared, createMemoryBlocks())).toEqual(job);
});

const withData = (name: string, changed: Tensor): Uint8Array => {
  const tensors = new Map([
    ["features", tensor(features(), ROWS, 2)],
    ["label", labels()],
  ]);
  return encodeSafetensors(tensors.set(name, changed));
};
const notFinite = features();
notFinite[7] = Number.NaN;
const badLabel = labels();
if (badLabel.data instanceof BigInt64Array) badLabel.data[4] = 3n;

describe("what is wrong is found before anything is sent", () => {
  test.each<readonly [string, MemoryDisk, string, string]>([
    [
      "no model",
      folderWith({ "model.onnx": null }),
      "FILE_MISSING",
      "job.yaml:4:8: there is no file /job/model.onnx",
    ],
    [
      "no data",
      folderWith({ "train.safetensors": null }),
      "FILE_MISSING",
      "job.yaml:5:16: there is no file /job/train.safetensors",
    ],
    ["not ONNX", folderWith({ "model.onnx": "hello" }), "MODEL_NOT_ONNX", "/job/model.onnx: "],
    [
      "an op without a gradient",
      folderWith({ "model.onnx": writeModel(withoutGradient(linear())) }),
      "OP_WITHOUT_GRADIENT",
      'node "fold" (LayerNormalization)',
    ],
    [
      "altered data",
      folderWith({ "train.safetensors": "hello" }),
      "SAFETENSORS_MALFORMED",
      "/job/train.safetensors: ",
    ],
    [
      "NaN",
      folderWith({ "train.safetensors": withData("features", tensor(notFinite, ROWS, 2)) }),
      "DATA_NOT_FINITE",
      'row 3 of "features"',
    ],
    [
      "a label too large",
      folderWith({ "train.safetensors": withData("label", badLabel) }),
      "LABEL_OUT_OF_RANGE",
      'row 4 of "label"',
    ],
    [
      "rows that differ",
      folderWith({ "train.safetensors": withData("label", labels(5)) }),
      "DATA_ROWS_DIFFER",
      '"features" has 12 rows where the others have 5',
    ],
    ["no rows", folderWith({ "test.csv": "x,y,label\n" }), "DATASET_EMPTY", "/job/test.csv has no rows"],
    ["other columns", folderWith({ "test.csv": "x,label\n1,2\n" }), "SHAPE_MISMATCH", '"features"'],
    [
      "too few rows",
      folderWith({
        "train.safetensors": encodeSafetensors(
          new Map([
            ["features", tensor(features(2), 2, 2)],
            ["label", labels(2)],
          ]),
        ),
      }),
      "DATASET_EMPTY",
      "2 rows",
    ],
    [
      "a number of doubles",
      folderWith({
        "train.safetensors": withData("features", {
          dtype: "float64",
          shape: [ROWS, 2],
          data: new Float64Array(ROWS * 2),
        }),
      }),
      "DATA_DTYPE_UNSUPPORTED",
      "float64",
    ],
    [
      "a scalar",
      folderWith({
        "train.safetensors": withData("label", { dtype: "int64", shape: [], data: BigInt64Array.of(1n) }),
      }),
      "DATA_HAS_NO_ROWS",
      "axis 0",
    ],
    [
      "shapes that do not fit",
      folderWith({
        "train.safetensors": withData("features", tensor(features(ROWS * 2), ROWS, 4)),
        "test.csv": "a,b,c,d,label\n1,1,1,1,1",
      }),
      "FIELD_MISMATCH",
      "/job/model.onnx: ",
    ],
  ])("%s", async (_, disk, code, sentence) => {
    const preparing = prepareJob(parseJobFile(JOB, "job.yaml"), { folder: "/job", disk });
    await expect(preparing).rejects.toMatchObject({ code, message: expect.stringContaining(sentence) });
  });

  test.each([
    [
      "a format of others",
      JOB.replace("test.csv", "test.parquet"),
      "DATA_FORMAT_UNSUPPORTED",
      "the formats are .safetensors and .csv",
    ],
    [
      "a target that is not there",
      JOB.replace("target: label", "target: lable"),
      "TARGET_MISSING",
      'job.yaml:6:51: /job/train.safetensors has no tensor "lable"; it has label, features',
    ],
    [
      "a target that is no class",
      JOB.replace("target: label", "target: features").replace(", test: test.csv", ""),
      "FIELD_MISMATCH",
      'job.yaml:6:51: the data set tensor "features" is float32 rows of [2], but a loss over classes wants whole numbers (int64, int32, int8 or uint8): set objective.target to another tensor, or choose another loss',
    ],
    [
      "a pattern that no parameter fits",
      `${JOB}freeze: ["wieght"]\n`,
      "PATTERN_UNMATCHED",
      'job.yaml:8:9: freeze: the pattern "wieght" matches no parameter of the model; the nearest names are "weight"',
    ],
    [
      "a number to train that is not there",
      `${JOB}alsoTrain: ["logit_scale"]\n`,
      "PATTERN_UNMATCHED",
      'job.yaml:8:12: alsoTrain: the pattern "logit_scale" matches no parameter of the model',
    ],
    [
      "a decay of nothing",
      `${JOB}optimizer: { adamw: {}, decay: { exclude: ["*.bias"] } }\n`,
      "PATTERN_UNMATCHED",
      'job.yaml:8:43: optimizer.decay.exclude: the pattern "*.bias" matches no parameter',
    ],
    [
      "adapters of what takes none",
      `${JOB}adapt: { lora: { targets: ["weight", "*.attn.*"] } }\n`,
      "TARGET_UNMATCHED",
      'job.yaml:8:27: adapt.lora.targets: the pattern "*.attn.*" matches no weight that takes an adapter; the nearest names are "weight"',
    ],
    [
      "memory that no way of training keeps to",
      `${JOB}workers: { resources: { memory: 10Mi } }\n`,
      "MEMORY_LIMIT",
      "job.yaml:8:33: training takes 28.6 MiB at least, and 10.0 MiB are allowed: raise the limit",
    ],
    [
      "an output that the model does not have",
      JOB.replace("target: label", "target: label, output: score"),
      "OUTPUT_UNKNOWN",
      'job.yaml:6:66: objective.output: the model has no output "score"; did you mean "scores"?',
    ],
  ])("%s", async (_, text, code, sentence) => {
    const disk = folderWith({ "test.parquet": "PAR1" });
    const preparing = prepareJob(parseJobFile(text, "job.yaml"), { folder: "/job", disk });
    await expect(preparing).rejects.toMatchObject({ code, message: expect.stringContaining(sentence) });
  });

  test("a file over the limit is not read", async () => {
    const disk = { ...folderWith(), sizeBytes: async () => LIMITS.modelBytesMax + 1 };
    const preparing = prepareJob(parseJobFile(JOB, "job.yaml"), { folder: "/job", disk });
    await expect(preparing).rejects.toMatchObject({ code: "FILE_TOO_LARGE" });
  });
});

test.each([
  ["a pipe as the model", "model: model.onnx", "model: pipe", "job.yaml:4:8: cannot use ", "it is a pipe"],
  ["a pipe as the data", "train.safetensors", "pipe", "job.yaml:5:16: cannot use ", "it is a pipe"],
  ["a folder as the model", "model: model.onnx", "model: .", "job.yaml:4:8: cannot use ", "it is a folder"],
  ["an endless device", "train.safetensors", "/dev/zero", "job.yaml:5:16: cannot use ", "it is a device"],
])("%s is refused at once, at its place in the job file", async (_, named, instead, place, why) => {
  const folder = await mkdtemp(join(tmpdir(), "pingo-prepare-"));
  try {
    await promisify(execFile)("mkfifo", [join(folder, "pipe")]);
    await systemDisk.write(join(folder, "model.onnx"), writeModel(linear()));
    const file = parseJobFile(JOB.replace(named, instead), "job.yaml");
    await expect(prepareJob(file, { folder, disk: systemDisk })).rejects.toMatchObject({
      code: "DISK_FAILED",
      message: expect.stringMatching(new RegExp(`^${place}.*: ${why}, and a file is wanted; name a file$`)),
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});
