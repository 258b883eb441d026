/** `pingo autograd train`: the job file on this machine alone, in the real command. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { defineModel, readModel, type Tensor, writeModel } from "@pingo/autograd";
import { createPrng } from "@pingo/core";
import { GIVE_BACK, HUGE_PAGES } from "@pingo/core/malloc";
import { encodeSafetensors } from "@pingo/storage";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pingo, startPingo } from "./pingo.ts";

const TIMEOUT_MS = 170_000;
const FILES = ["metrics.json", "model.onnx", "provenance.json"];

let folder = "";
let env: Readonly<Record<string, string>> = {};
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pingo-local-"));
  env = { PINGO_HOME: join(folder, "home") };
});
afterAll(() => rm(folder, { recursive: true }));

interface Metric {
  readonly round: number;
  readonly trainLoss: number;
  readonly steps: number;
  readonly testLoss: number | null;
  readonly testAccuracy: number | null;
  readonly rawTestLoss?: number;
}

async function metricsIn(result: string): Promise<readonly Metric[]> {
  return JSON.parse(await readFile(join(result, "metrics.json"), "utf8"));
}

const LEFT_OUT = 'left out "aside": no gradient comes to it from the output';
const lastJson = (stdout: string) => JSON.parse(stdout.trim().split("\n").at(-1) ?? "");

/** Which of four quadrants a point lies in, through two layers: 512 rows to train, 128 held out. */
async function quadrants(rounds: number): Promise<string> {
  const job = await mkdtemp(join(folder, "job-"));
  const prng = createPrng(3);
  const rowsOf = (rows: number): Uint8Array => {
    const points = Float32Array.from({ length: 2 * rows }, () => 2 * prng.float() - 1);
    const label = BigInt64Array.from({ length: rows }, (_, row) => {
      return BigInt(Number((points[2 * row] ?? 0) > 0) + 2 * Number((points[2 * row + 1] ?? 0) > 0));
    });
    const tensors = new Map<string, Tensor>([
      ["points", { dtype: "float32", shape: [rows, 2], data: points }],
      ["label", { dtype: "int64", shape: [rows], data: label }],
    ]);
    return encodeSafetensors(tensors);
  };
  const points = { dtype: "float32", shape: ["batch", 2] } as const;
  const model = defineModel({ name: "m", seed: 1, inputs: { points } }, (b, inputs) => ({
    scores: b.linear(b.tanh(b.linear(inputs.points, { outFeatures: 16 })), { outFeatures: 4 }),
  }));
  // Read by nothing, so not trained, and whoever trains the model is told.
  const aside: Tensor = { dtype: "float32", shape: [3], data: new Float32Array(3) };
  const initializers = new Map([...model.initializers, ["aside", aside] as const]);
  await writeFile(join(job, "model.onnx"), writeModel({ ...model, initializers }));
  await writeFile(join(job, "train.safetensors"), rowsOf(512));
  await writeFile(join(job, "test.safetensors"), rowsOf(128));
  await writeFile(
    join(job, "job.yaml"),
    `apiVersion: pingo/v1
kind: Train
name: quadrants
model: model.onnx
data: { train: train.safetensors, test: test.safetensors }
objective: { loss: softmax-cross-entropy, target: label }
optimizer: { adamw: { learningRate: 0.01 } }
schedule: { rounds: ${rounds}, stepsPerRound: 40, batchSize: 16 }
workers: { min: 1, max: 1 }
`,
  );
  return join(job, "job.yaml");
}

/** Node that runs an example's script, as its README says. */
async function prepare(script: string, args: readonly string[]): Promise<void> {
  const { execFile } = await import("node:child_process");
  const { promisify } = await import("node:util");
  const path = fileURLToPath(new URL(`../../../examples/${script}`, import.meta.url));
  await promisify(execFile)(process.execPath, [path, ...args]);
}

test(
  "the digits to 97 % and more, and a model that runs",
  async () => {
    const job = join(folder, "mnist");
    await prepare("mnist/prepare.ts", [job]);
    const out = join(folder, "mnist-trained");
    const ran = await pingo(["autograd", "train", join(job, "job.yaml"), "--out", out, "--json"], env);
    expect(ran.stderr).toBe("");
    expect(ran.stdout.trim().split("\n")).toHaveLength(1);
    expect(lastJson(ran.stdout)).toMatchObject({
      name: "mnist",
      state: "succeeded",
      steps: 6 * 240,
      rows: 6 * 240 * 32,
      files: { model: join(out, "model.onnx") },
    });
    expect(Math.max(...(await metricsIn(out)).map(({ testAccuracy }) => testAccuracy ?? 0))).toBeGreaterThan(
      0.97,
    );
    expect((await readdir(out)).sort()).toEqual(FILES);
    expect(readModel(await readFile(join(out, "model.onnx"))).nodes.length).toBeGreaterThan(0);
    expect(JSON.parse(await readFile(join(out, "provenance.json"), "utf8"))).toMatchObject({
      kind: "pingo/local-provenance/v1",
      processes: 1,
      isComplete: true,
      job: { name: "mnist", model: expect.stringMatching(/^baf/) },
    });
  },
  TIMEOUT_MS,
);

test(
  "a few steps of the character GPT",
  async () => {
    const job = join(folder, "chargpt");
    await writeFile(join(folder, "text.txt"), "the cat sat on the mat. ".repeat(400));
    await prepare("chargpt/prepare.ts", [join(folder, "text.txt"), job]);
    const yaml = (await readFile(join(job, "job.yaml"), "utf8"))
      .replace(/rounds: \d+/, "rounds: 2")
      .replace(/stepsPerRound: \d+/, "stepsPerRound: 12")
      .replace(/batchSize: \d+/, "batchSize: 8");
    await writeFile(join(job, "short.yaml"), yaml);
    const out = join(folder, "chargpt-trained");
    const args = ["autograd", "train", join(job, "short.yaml"), "--out", out];
    const ran = await pingo([...args, "--memory", "60Mi"], env);
    expect(ran.stderr).toBe("");
    expect(ran.stdout).toMatch(/^round 1\/2 {2}loss .* held out: loss .* accuracy/);
    expect(ran.stdout).toMatch(/^memory [\d.]+ MiB at most in this process, [345]\d\.\d MiB of it planned/m);
    const [first, second] = await metricsIn(out);
    expect(second?.trainLoss).toBeLessThan((first?.trainLoss ?? 0) - 0.5);
  },
  TIMEOUT_MS,
);

test(
  "the same job through the network falls as it does here, in one process and in two",
  async () => {
    const file = await quadrants(6);
    const curves: Record<string, readonly Metric[]> = {};
    for (const processes of ["1", "2"]) {
      const out = join(folder, `quadrants-${processes}`);
      const args = ["autograd", "train", file, "--out", out, "--processes", processes];
      const ran = await pingo(args, env);
      expect(ran.exitCode).toBe(0);
      expect(ran.stdout.split("\n")[0]).toBe(LEFT_OUT);
      curves[processes] = await metricsIn(out);
    }
    const port = 20_000 + ((process.pid + 41) % 20_000);
    const networked = { ...env, PINGO_FOG: `http://127.0.0.1:${port}` };
    const serving = startPingo(["fog", "serve", "--port", String(port)], networked);
    await serving.saw(`at ${networked.PINGO_FOG}`);
    const lender = { PINGO_HOME: join(folder, "lender"), PINGO_PROVIDER_POLICY: "off" };
    const node = startPingo(["node", "join"], { ...networked, ...lender });
    try {
      await node.saw("works for fog node");
      const out = join(folder, "quadrants-network");
      const ran = await pingo(["train", file, "--follow", "--out", out], networked);
      expect(ran.exitCode).toBe(0);
      expect(ran.stdout.split("\n")).toContain(LEFT_OUT);
      curves["network"] = await metricsIn(out);
    } finally {
      for (const running of [node, serving]) {
        running.child.kill("SIGINT");
        await running.ended;
      }
    }
    const alone = curves["1"]?.at(-1)?.testLoss ?? Number.NaN;
    for (const [where, curve] of Object.entries(curves)) {
      expect(curve, where).toHaveLength(6);
      const [first, last] = [curve[0]?.testLoss ?? 0, curve.at(-1)?.testLoss ?? Number.NaN];
      expect(last, where).toBeLessThan(first / 2);
      expect(Math.abs(last - alone), where).toBeLessThan(0.15);
    }
  },
  TIMEOUT_MS,
);

test("the mean is taken by step in one process, by round in two; what is left out is in the JSON", async () => {
  const file = await quadrants(2);
  await writeFile(file, `${await readFile(file, "utf8")}average: { decay: 0.95 }\n`);
  for (const processes of ["1", "2"]) {
    const out = join(folder, `mean-${processes}`);
    const args = ["autograd", "train", file, "--out", out, "--processes", processes, "--json"];
    const ran = await pingo(args, env);
    expect(lastJson(ran.stdout)).toMatchObject({
      leftOut: [{ name: "aside", shape: [3], why: "unreached" }],
      files: { rawModel: join(out, "model-raw.onnx") },
    });
    const [first] = await metricsIn(out);
    // The mean of a single round is its weights; that of its steps is not.
    expect(first?.testLoss === first?.rawTestLoss).toBe(processes === "2");
  }
});

describe("Ctrl-C", () => {
  test.for(["1", "2"])("keeps what is done and says so: %s processes", async (processes) => {
    const out = join(folder, `interrupted-${processes}`);
    const args = ["autograd", "train", await quadrants(50_000), "--out", out, "--processes", processes];
    const running = startPingo(args, env);
    await running.saw("round     2/50000");
    if (process.platform === "linux") {
      const environment = await readFile(`/proc/${running.child.pid}/environ`, "latin1");
      // As in a provider's worker, and in the process that was started.
      for (const [key, value] of Object.entries({ ...GIVE_BACK, ...HUGE_PAGES }))
        expect(environment.split("\0")).toContain(`${key}=${value}`);
    }
    running.child.kill("SIGINT");
    const { exitCode, stdout, stderr } = await running.ended;
    expect({ exitCode, stderr }).toEqual({ exitCode: 130, stderr: "" });
    expect(stdout).toMatch(/interrupted after \d+ steps; they are kept/);
    expect((await readdir(out)).sort()).toEqual(FILES);
    const metrics = await metricsIn(out);
    expect(metrics.length).toBeGreaterThanOrEqual(2);
    expect(metrics.length).toBeLessThan(50_000);
    const provenance = JSON.parse(await readFile(join(out, "provenance.json"), "utf8"));
    expect(provenance).toMatchObject({ isComplete: false });
    const kept = await readdir(join(folder, "home", "local")).catch(() => []); // nothing was ever kept there
    expect(kept).toEqual([]);
  });
});

test("a bad job gets the faults of job validate, all of them", async () => {
  const file = await quadrants(1);
  const good = await readFile(file, "utf8");
  for (const bad of [
    good.replace("kind: Train", "kind: Tain").replace("batchSize: 16", "batchSize: none"),
    good.replace("target: label", "target: lable"),
    good.replace("model.onnx", "modle.onnx"),
  ]) {
    await writeFile(file, bad);
    const [validated, trained] = [
      await pingo(["job", "validate", file], env),
      await pingo(["autograd", "train", file], env),
    ];
    expect(trained).toEqual(validated);
    expect(trained.exitCode).toBe(1);
  }
});

test("--processes takes a whole number", async () => {
  const ran = await pingo(["autograd", "train", await quadrants(1), "--processes", "0"], env);
  expect(ran.stderr).toContain('--processes "0": expected a whole number from 1 to 64');
});
