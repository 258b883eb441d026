/** A job small enough to train in no time: two numbers in, two classes out. */
import { defineModel, type Graph, type Tensor, writeModel } from "@pingo/autograd";
import {
  type Cid,
  createTicketedFetch,
  encodeCanonical,
  JOB_DOMAIN,
  type Job,
  type JobView,
  type KeyPair,
  type NodeId,
  parseShape,
  type SignedJob,
  signValue,
  type TrainJob,
  zJobView,
} from "@pingo/core";
import { systemClock, systemFetch, systemPrng } from "@pingo/core/system";
import { createHttpBlocks, type HttpBlocks, packDataset, writeFile } from "@pingo/storage";

const ROWS = 64;

/** @param from  who uploads, where the fog node asks */
export function blocksOf(url: string, from?: { readonly key: KeyPair; readonly fog: NodeId }): HttpBlocks {
  if (from === undefined) return createHttpBlocks({ baseUrl: url, fetch: systemFetch, clock: systemClock });
  const tickets = createTicketedFetch(systemFetch, { key: from.key, clock: systemClock });
  tickets.uploadTo(from.fog);
  return createHttpBlocks({ baseUrl: url, fetch: tickets.fetch, clock: systemClock });
}

export interface TinyFiles {
  readonly model?: Uint8Array;
  readonly data?: ReadonlyMap<string, Tensor>;
}

/** Uploads model and data; nothing is submitted yet. */
export async function uploadTinyJob(
  url: string,
  change: Partial<TrainJob> = {},
  files: TinyFiles = {},
  blocks = blocksOf(url),
): Promise<TrainJob> {
  const { model = writeModel(tinyModel()), data: tensors = tinyData() } = files;
  const { cid: data } = await packDataset(tensors, { blocks, shardBytes: 512 });
  return {
    apiVersion: "pingo/v1",
    kind: "Train",
    name: "tiny",
    model: await writeFile(blocks, model),
    data: { train: data, test: data },
    objective: { loss: "softmax-cross-entropy", target: "label", metrics: ["accuracy"] },
    optimizer: {
      adamw: { learningRate: 0.05, weightDecay: 0, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
    },
    schedule: { rounds: 3, stepsPerRound: 4, batchSize: 8, secondsPerRound: 60 },
    workers: { min: 1, max: 2, cpuMillicores: 100, memoryBytes: 64 * 2 ** 20 },
    retryMax: 3,
    budgetNano: "0",
    seed: 1,
    ...change,
  };
}

/** One provider, one unit a round. */
export const ONE_UNIT = { workers: { min: 1, max: 1, cpuMillicores: 100, memoryBytes: 64 * 2 ** 20 } };

export function tinyModel(): Graph {
  return defineModel(
    { name: "tiny", seed: 7, inputs: { point: { dtype: "float32", shape: ["batch", 2] } } },
    (b, { point }) => ({ logits: b.linear(point, { outFeatures: 2 }) }),
  );
}

/** Uploaded, signed, submitted and taken. */
export async function acceptTinyJob(
  url: string,
  owner: KeyPair,
  change: Partial<TrainJob> = {},
  blocks = blocksOf(url),
): Promise<JobView> {
  const answer = await submit(url, signJob(await uploadTinyJob(url, change, {}, blocks), owner));
  const body: unknown = await answer.json();
  if (answer.status !== 201)
    throw new Error(`the job was answered ${answer.status}: ${JSON.stringify(body)}`);
  return parseShape(zJobView, body, "the job");
}

export async function showJob(url: string, job: JobView): Promise<JobView> {
  return parseShape(zJobView, await (await fetch(`${url}/v1/jobs/${job.id}`)).json(), "the job");
}

export async function untilFinished(url: string, job: JobView): Promise<JobView> {
  for (;;) {
    const view = await showJob(url, job);
    if (view.finishedAtUnixMs !== null) return view;
    await systemClock.sleep(50);
  }
}

export function signJob(job: Job, key: KeyPair): SignedJob {
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

export function tinyData(): ReadonlyMap<string, Tensor> {
  const points = Float32Array.from({ length: 2 * ROWS }, (_, i) => Math.sin(i * 12.9898) * 2);
  const labels = BigInt64Array.from({ length: ROWS }, (_, row) =>
    (points[2 * row] ?? 0) + (points[2 * row + 1] ?? 0) > 0 ? 1n : 0n,
  );
  return new Map<string, Tensor>([
    ["point", { dtype: "float32", shape: [ROWS, 2], data: points }],
    ["label", { dtype: "int64", shape: [ROWS], data: labels }],
  ]);
}
