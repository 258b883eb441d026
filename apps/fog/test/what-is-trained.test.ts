/** What of a model is trained, and what of it travels: frozen weights, adapters, the mean of the rounds; real processes. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineModel, type Graph, readModel, type Tensor, writeModel } from "@pingo/autograd";
import { assertDefined, type Cid, createPrng, type JobView } from "@pingo/core";
import { decodeSafetensors, encodeSafetensors, readFile as readStored } from "@pingo/storage";
import { decodeVector, type MetricRecord, type Provenance } from "@pingo/training";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DigitsNetwork } from "./digits-network.ts";
import { blocksOf } from "./tiny-job.ts";

const [INPUTS, HIDDEN, CLASSES, ROWS] = [48, 256, 3, 128];
const PROVIDERS = 2;
const FLOAT_BYTES = 4;

const model: Graph = defineModel(
  { name: "wide", seed: 5, inputs: { x: { dtype: "float32", shape: ["batch", INPUTS] } } },
  (b, { x }) => {
    const first = b.relu(b.linear(x, { name: "first", outFeatures: HIDDEN }));
    const second = b.relu(b.linear(first, { name: "second", outFeatures: HIDDEN }));
    return { logits: b.linear(second, { name: "head", outFeatures: CLASSES }) };
  },
);
const modelBytes = writeModel(model);
/** first, second, head: weights and biases. */
const LENGTH = (INPUTS + 1) * HIDDEN + (HIDDEN + 1) * HIDDEN + (HIDDEN + 1) * CLASSES;
const adaptersLength = (rank: number): number => rank * (INPUTS + HIDDEN + HIDDEN + HIDDEN);

let folder = "";
let network: DigitsNetwork;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pingo-trained-"));
  await writeFile(join(folder, "model.onnx"), modelBytes);
  await writeFile(join(folder, "data.safetensors"), encodeSafetensors(data()));
  network = await DigitsNetwork.start(PROVIDERS);
});
afterAll(async () => {
  await network[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

function data(): ReadonlyMap<string, Tensor> {
  const prng = createPrng(3);
  const x = Float32Array.from({ length: ROWS * INPUTS }, () => 2 * prng.float() - 1);
  const label = BigInt64Array.from({ length: ROWS }, (_, row) =>
    BigInt((x[row * INPUTS] ?? 0) > 0.2 ? 1 : 0),
  );
  return new Map<string, Tensor>([
    ["x", { dtype: "float32", shape: [ROWS, INPUTS], data: x }],
    ["label", { dtype: "int64", shape: [ROWS], data: label }],
  ]);
}

async function submit(name: string, rounds: number, more = ""): Promise<JobView> {
  const file = join(folder, `${name}.yaml`);
  await writeFile(
    file,
    `apiVersion: pingo/v1
kind: Train
name: ${name}
model: ./model.onnx
data: { train: ./data.safetensors, test: ./data.safetensors }
objective: { loss: softmax-cross-entropy, target: label }
optimizer: { adamw: { learningRate: 0.003 } }
schedule: { rounds: ${rounds}, stepsPerRound: 5, batchSize: 16, accumulate: 2 }
workers: { min: ${PROVIDERS}, max: ${PROVIDERS}, resources: { cpu: 100m, memory: 64Mi } }
${more}
`,
  );
  return network.submitFile(file);
}

async function finished(job: JobView): Promise<JobView> {
  await network.until(job, (event) => event.type === "finished");
  const view = await network.show(job);
  expect(view, network.fog.logged()).toMatchObject({ state: "succeeded" });
  return view;
}

/** What a job made: its folder, with its provenance read. */
async function madeBy(
  job: JobView,
): Promise<{ readonly path: (name: string) => string; readonly provenance: Provenance }> {
  const out = join(folder, job.id);
  await network.get(job, out);
  const path = (name: string): string => join(out, name);
  return { path, provenance: JSON.parse(await readFile(path("provenance.json"), "utf8")) };
}

const updatesOf = ({ rounds }: Provenance): number =>
  rounds.reduce((sum, { units }) => sum + units.length, 0);
const weightsOf = (graph: Graph, name: string): Tensor => assertDefined(graph.initializers.get(name), name);

async function versionOf(cid: Cid): Promise<Float32Array> {
  const bytes = await readStored(blocksOf(network.fog.url), cid, { sizeBytesMax: FLOAT_BYTES * LENGTH });
  return decodeVector(bytes, LENGTH);
}

function flatOf(graph: Graph): Float32Array {
  return Float32Array.from(
    [...graph.initializers.values()].flatMap(({ data: values }) => Array.from(values, Number)),
  );
}

test("an update carries what is trained and nothing of what is frozen", async () => {
  const plain = await finished(await submit("plain", 2));
  const frozen = await finished(await submit("frozen", 2, 'freeze: ["second.*", "*.bias"]'));
  const [whole, part] = [await madeBy(plain), await madeBy(frozen)];
  expect(plain.bytesUp).toBe(updatesOf(whole.provenance) * FLOAT_BYTES * LENGTH);
  const kept = INPUTS * HIDDEN + HIDDEN * CLASSES;
  expect(frozen.bytesUp).toBe(updatesOf(part.provenance) * FLOAT_BYTES * kept);
  const trained = readModel(await readFile(part.path("model.onnx")));
  for (const [name, tensor] of model.initializers) {
    const isFrozen = name.startsWith("second.") || name.endsWith(".bias");
    const isSame = Buffer.from(weightsOf(trained, name).data.buffer).equals(Buffer.from(tensor.data.buffer));
    expect(isSame, name).toBe(isFrozen);
  }
});

test("adapters alone travel up, the model's weights go down once, and merged they are what comes back", async () => {
  const lora = (rank: number): string =>
    `adapt: { lora: { rank: ${rank}, targets: ["first.*", "second.*"] } }`;
  const small = await finished(await submit("rank-2", 4, lora(2)));
  const large = await finished(await submit("rank-8", 2, lora(8)));
  for (const [rank, view] of [[2, small] as const, [8, large] as const]) {
    const { path, provenance } = await madeBy(view);
    expect(view.bytesUp).toBe(updatesOf(provenance) * FLOAT_BYTES * adaptersLength(rank));
    const adapters = decodeSafetensors(await readFile(path("adapters.safetensors")));
    expect([...adapters.keys()].sort()).toEqual(
      ["first", "second"].flatMap((layer) =>
        ["A", "B"].map((side) => `base_model.model.${layer}.lora_${side}.weight`),
      ),
    );
    const merged = readModel(await readFile(path("model.onnx")));
    for (const layer of ["first", "second"]) {
      const [a, b] = ["A", "B"].map((side) =>
        assertDefined(adapters.get(`base_model.model.${layer}.lora_${side}.weight`), side),
      );
      const wanted = mergedWeight(weightsOf(model, `${layer}.weight`), a, b, 2);
      const found = weightsOf(merged, `${layer}.weight`).data;
      const worst = Math.max(...wanted.map((value, i) => Math.abs(value - Number(found[i]))));
      expect(worst).toBeLessThan(1e-6 * Math.max(...wanted.map(Math.abs)));
      expect(Math.max(...Array.from(assertDefined(b, "B").data, Number).map(Math.abs))).toBeGreaterThan(0);
    }
    for (const name of ["first.bias", "second.bias", "head.weight", "head.bias"])
      expect(weightsOf(merged, name), name).toEqual(weightsOf(model, name));
  }
  // Four rounds with the weights in each would be eight times the model; once for each provider is twice.
  const dataBytes = ROWS * (INPUTS + 2) * FLOAT_BYTES;
  expect(small.bytesDown).toBeGreaterThan(PROVIDERS * modelBytes.byteLength);
  expect(small.bytesDown).toBeLessThan(PROVIDERS * (1.3 * modelBytes.byteLength + dataBytes));
});

/** W + scale · B·A, in float64. */
function mergedWeight(w: Tensor, a: Tensor | undefined, b: Tensor | undefined, scale: number): number[] {
  const [rank = 0, columns = 0] = a?.shape ?? [];
  return Array.from(w.data, Number).map((value, at) => {
    const [row, column] = [Math.floor(at / columns), at % columns];
    let sum = 0;
    for (let k = 0; k < rank; k++)
      sum += Number(b?.data[row * rank + k]) * Number(a?.data[k * columns + column]);
    return value + scale * sum;
  });
}

test("the mean of the rounds is measured and comes back beside the last round, also from a station that was killed", async () => {
  const job = await submit("mean", 4, "average: { decay: 0.9 }");
  await network.until(job, (event) => event.type === "committed" && event.round === 2);
  await network.restartFog();
  const view = await finished(job);
  const { path, provenance } = await madeBy(view);
  expect(view.bytesUp).toBe(updatesOf(provenance) * FLOAT_BYTES * LENGTH);
  const versions = await Promise.all(provenance.rounds.map(({ weights }) => versionOf(weights)));
  const shares = versions.map((_, i) => 0.9 ** (5 * (versions.length - 1 - i)));
  const total = shares.reduce((sum, share) => sum + share, 0);
  const found = flatOf(readModel(await readFile(path("model.onnx"))));
  expect(found).toHaveLength(LENGTH);
  const worst = found.reduce((most, value, at) => {
    const sum = versions.reduce((before, version, i) => before + (shares[i] ?? 0) * (version[at] ?? 0), 0);
    return Math.max(most, Math.abs(value - sum / total));
  }, 0);
  expect(worst).toBeLessThan(1e-6);
  expect(flatOf(readModel(await readFile(path("model-raw.onnx"))))).toEqual(versions.at(-1));
  const metrics: readonly MetricRecord[] = JSON.parse(await readFile(path("metrics.json"), "utf8"));
  const last = metrics.at(-1);
  expect(last?.testLoss).toEqual(expect.any(Number));
  expect(last?.rawTestLoss).toEqual(expect.any(Number));
  expect(last?.testLoss).not.toBe(last?.rawTestLoss);
  expect(metrics[0]?.testLoss === null || metrics[0]?.testLoss === metrics[0]?.rawTestLoss).toBe(true);
});
