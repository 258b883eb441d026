/** What users get wrong, made for real and given to the real command: one sentence, a code, a place, nothing changed. */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { defineModel, type Graph, type Tensor, writeModel } from "@pingo/autograd";
import { withoutGradient } from "@pingo/autograd/testing";
import { freePort } from "@pingo/core/testing";
import { encodeSafetensors } from "@pingo/storage";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expectRefused, pingo, type ServingFog, serveFog, startPingo } from "./pingo.ts";

const ROWS = 24;
const COLUMNS = 2;
const CLASSES = 3;
const START_TIMEOUT_MS = 60_000;
const JOB = `apiVersion: pingo/v1
kind: Train
name: tiny
model: model.onnx
data: { train: train.safetensors }
objective: { loss: softmax-cross-entropy, target: label }
schedule: { rounds: 2, stepsPerRound: 4, batchSize: 4 }
workers: { min: 1, max: 1 }
`;

let folder = "";
let fogUrl = "";
let fog: ServingFog;
let env: Readonly<Record<string, string>> = {};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pingo-bad-"));
  fog = await serveFog(join(folder, "home"));
  ({ env, url: fogUrl } = fog);
}, START_TIMEOUT_MS);
afterAll(async () => {
  await fog?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

function linear(): Graph {
  const features = { dtype: "float32", shape: ["batch", COLUMNS] } as const;
  return defineModel({ name: "linear", seed: 1, inputs: { features } }, (b, inputs) => ({
    scores: b.linear(inputs.features, { outFeatures: CLASSES }),
  }));
}

interface Rows {
  readonly rows?: number;
  readonly columns?: number;
  readonly change?: (features: Float32Array, labels: BigInt64Array) => unknown;
}

function dataset({ rows = ROWS, columns = COLUMNS, change }: Rows = {}): Uint8Array {
  const features = Float32Array.from({ length: rows * columns }, (_, i) => (i % 7) / 7);
  const labels = BigInt64Array.from({ length: rows }, (_, i) => BigInt(i % CLASSES));
  change?.(features, labels);
  return encodeSafetensors(
    new Map<string, Tensor>([
      ["features", { dtype: "float32", shape: [rows, columns], data: features }],
      ["label", { dtype: "int64", shape: [rows], data: labels }],
    ]),
  );
}

async function jobFolder(files: Readonly<Record<string, string | Uint8Array | null>> = {}): Promise<string> {
  const made = await mkdtemp(join(folder, "job-"));
  const all = {
    "job.yaml": JOB,
    "model.onnx": writeModel(linear()),
    "train.safetensors": dataset(),
    ...files,
  };
  for (const [name, content] of Object.entries(all)) {
    if (content !== null) await writeFile(join(made, name), content);
  }
  return made;
}

const jobsOfFog = async (): Promise<unknown> => (await fetch(`${fogUrl}/v1/jobs`)).json();

const text = (bytes: string): Uint8Array => new TextEncoder().encode(bytes);

describe("a job that cannot be trained is refused before anything is sent", () => {
  test.each<
    readonly [string, Readonly<Record<string, string | Uint8Array | null>>, string, readonly string[]]
  >([
    ["an unknown key", { "job.yaml": JOB.replace("name:", "nmae:") }, "JOB_KEY_UNKNOWN", [":3:1", '"nmae"']],
    [
      "a mode of verification that is not built",
      { "job.yaml": `${JOB}verify: { mode: adaptive, minimumRate: 0.02 }\n` },
      "JOB_NOT_BUILT",
      [":9:17", 'write "verify: { mode: none }"'],
    ],
    ["a missing model", { "model.onnx": null }, "FILE_MISSING", [":4:8", "model.onnx"]],
    ["a missing dataset", { "train.safetensors": null }, "FILE_MISSING", [":5:16", "train.safetensors"]],
    ["a model that is not ONNX", { "model.onnx": "PK not a model" }, "MODEL_NOT_ONNX", ["model.onnx"]],
    ["an empty model file", { "model.onnx": "" }, "MODEL_NOT_ONNX", ["model.onnx"]],
    [
      "an op without a gradient",
      { "model.onnx": writeModel(withoutGradient(linear())) },
      "OP_WITHOUT_GRADIENT",
      ["LayerNormalization", "fold"],
    ],
    [
      "tensors that do not fit",
      { "train.safetensors": dataset({ columns: 5 }) },
      "FIELD_MISMATCH",
      ["features"],
    ],
    [
      "a label out of range",
      { "train.safetensors": dataset({ change: (_, labels) => labels.fill(9n, 5, 6) }) },
      "LABEL_OUT_OF_RANGE",
      ["label", "row 5", "9"],
    ],
    [
      "NaN in the data",
      {
        "train.safetensors": dataset({
          change: (features) => features.fill(Number.NaN, 7 * COLUMNS, 7 * COLUMNS + 1),
        }),
      },
      "DATA_NOT_FINITE",
      ["features", "row 7"],
    ],
    [
      "an empty dataset",
      { "train.safetensors": dataset({ rows: 0 }) },
      "DATASET_EMPTY",
      ["train.safetensors"],
    ],
    [
      "a dataset cut short",
      { "train.safetensors": dataset().subarray(0, 100) },
      "SAFETENSORS_MALFORMED",
      ["train.safetensors"],
    ],
    ["no YAML", { "job.yaml": text("a: [") }, "JOB_FILE_SYNTAX", ["job.yaml:1:"]],
  ])("%s", async (_, files, code, parts) => {
    const file = join(await jobFolder(files), "job.yaml");
    const before = await jobsOfFog();
    expectRefused(await pingo(["train", file], env), code, parts);
    expect(await jobsOfFog()).toEqual(before);
  });
});

test("a second fog node on the same home or the same port is refused", async () => {
  const port = new URL(fogUrl).port;
  const samePort = await pingo(["fog", "serve", "--port", port], { PINGO_HOME: join(folder, "other") });
  expectRefused(samePort, "PORT_IN_USE", [port]);
  const sameHome = await pingo(["fog", "serve", "--port", String(await freePort())], env);
  expectRefused(sameHome, "FOLDER_IN_USE", [join(folder, "home", "fog")]);
});

test("a provider joins, is seen, trains a job, and goes", async () => {
  await using ends = new AsyncDisposableStack();
  const node = startPingo(["node", "join"], {
    ...env,
    PINGO_HOME: join(folder, "lender"),
    PINGO_PROVIDER_POLICY: "off", // this machine is busy with tests, which a policy would make room for
  });
  ends.defer(async () => {
    node.child.kill("SIGINT");
    await node.ended;
  });
  await node.saw("works for fog node");
  expect(JSON.parse((await pingo(["node", "status", "--json"], env)).stdout).providers).toHaveLength(1);
  const file = join(await jobFolder(), "job.yaml");
  const trained = await pingo(["train", file, "--follow", "--json"], env);
  expect(trained.stderr).toBe("");
  const { job } = JSON.parse(trained.stdout.trim().split("\n").at(-1) ?? "");
  const out = join(folder, "result");
  expect((await pingo(["job", "get", job.id, "--out", out], env)).exitCode).toBe(0);
  expect((await readdir(out)).sort()).toEqual(["metrics.json", "model.onnx", "provenance.json"]);
});

test("a job that waits is stopped by its owner, and by nobody else", async () => {
  const file = join(await jobFolder(), "job.yaml");
  const { id } = JSON.parse(
    (await pingo(["job", "submit", file, "--json"], env)).stdout.trim().split("\n").at(-1) ?? "",
  );
  const stranger = await pingo(["job", "stop", id], { ...env, PINGO_HOME: join(folder, "stranger") });
  expect(stranger.exitCode).toBe(1);
  expect(stranger.stderr.trim().split("\n")).toHaveLength(1);
  expect(JSON.parse((await pingo(["job", "stop", id, "--json"], env)).stdout).state).toBe("stopped");
});

/** A file system of a megabyte needs the right to mount one. */
async function smallDisk(path: string): Promise<boolean> {
  await mkdir(path, { recursive: true });
  return promisify(execFile)("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", path]).then(
    () => true,
    () => false, // not ours to mount: the test says that it is skipped
  );
}

test(
  "a full disk is told by the command, the fog node and the provider",
  async ({ skip }) => {
    const full = join(folder, "full");
    if (!(await smallDisk(full))) skip("this user may not mount a small file system");
    try {
      await writeFile(join(full, "filler"), new Uint8Array(300_000)).catch(() => undefined); // fills it: ENOSPC is meant
      const onFull = { ...env, PINGO_HOME: join(full, "home") };
      const file = join(await jobFolder(), "job.yaml");
      const port = String(await freePort());
      const commands = [
        ["job", "submit", file],
        ["fog", "serve", "--port", port],
        ["node", "join"],
      ];
      for (const ran of await Promise.all(commands.map((args) => pingo(args, onFull)))) {
        expect(ran.exitCode).toBe(1);
        expect(ran.stderr.trim().split("\n")).toHaveLength(1);
        expect(ran.stderr).toMatch(/no room at .*DISK_FULL/);
      }
    } finally {
      await promisify(execFile)("umount", [full]);
    }
  },
  START_TIMEOUT_MS,
);
