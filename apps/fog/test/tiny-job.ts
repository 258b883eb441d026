/** A job small enough to train in no time: two numbers in, two classes out. */
import { defineModel, type Tensor, writeModel } from "@pingo/autograd";
import {
  type Cid,
  encodeCanonical,
  JOB_DOMAIN,
  type KeyPair,
  type SignedJob,
  signValue,
  type TrainJob,
} from "@pingo/core";
import { systemClock, systemFetch, systemPrng } from "@pingo/core/system";
import { createHttpBlocks, type HttpBlocks, packDataset, writeFile } from "@pingo/storage";

const ROWS = 64;

export function blocksOf(url: string): HttpBlocks {
  return createHttpBlocks({ baseUrl: url, fetch: systemFetch, clock: systemClock });
}

/** Uploads model and data; nothing is submitted yet. */
export async function uploadTinyJob(url: string, change: Partial<TrainJob> = {}): Promise<TrainJob> {
  const blocks = blocksOf(url);
  const model = defineModel(
    { name: "tiny", seed: 7, inputs: { point: { dtype: "float32", shape: ["batch", 2] } } },
    (b, { point }) => ({ logits: b.linear(point, { outFeatures: 2 }) }),
  );
  const { cid: data } = await packDataset(tinyData(), { blocks, shardBytes: 512 });
  return {
    apiVersion: "pingo/v1",
    kind: "Train",
    name: "tiny",
    model: await writeFile(blocks, writeModel(model)),
    data: { train: data, test: data },
    objective: { loss: "softmax-cross-entropy", target: "label", metrics: ["accuracy"] },
    optimizer: {
      adamw: { learningRate: 0.05, weightDecay: 0, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
    },
    schedule: { rounds: 3, stepsPerRound: 4, batchSize: 8, secondsPerRound: 60 },
    workers: { min: 1, max: 2, cpuMillicores: 100, memoryBytes: 1_000_000 },
    retryMax: 3,
    budgetNano: "0",
    seed: 1,
    ...change,
  };
}

export function signJob(job: TrainJob, key: KeyPair): SignedJob {
  return signValue(JOB_DOMAIN, { job, nonce: systemPrng.bytes(16) }, key);
}

export function submit(url: string, signed: unknown): Promise<Response> {
  return postCbor(`${url}/v1/jobs`, encodeCanonical(signed));
}

export function postCbor(url: string, body: Uint8Array): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: { "content-type": "application/cbor" },
    body: new Uint8Array(body),
  });
}

/** A CID of our kind that no station has. */
export const NOWHERE = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku" as Cid; // SAFETY: a CIDv1 of raw bytes

function tinyData(): ReadonlyMap<string, Tensor> {
  const points = Float32Array.from({ length: 2 * ROWS }, (_, i) => Math.sin(i * 12.9898) * 2);
  const labels = BigInt64Array.from({ length: ROWS }, (_, row) =>
    (points[2 * row] ?? 0) + (points[2 * row + 1] ?? 0) > 0 ? 1n : 0n,
  );
  return new Map<string, Tensor>([
    ["point", { dtype: "float32", shape: [ROWS, 2], data: points }],
    ["label", { dtype: "int64", shape: [ROWS], data: labels }],
  ]);
}
