/** A small job in a store: a program, its weights and its shards, and leases of its units. */
import { buildTrainProgram, defineModel, type Tensor } from "@pingo/autograd";
import {
  type Cid,
  createPrng,
  encodeCanonical,
  type Lease,
  leaseIdOf,
  type NodeId,
  type RegistryRef,
  type Shard,
  type TrainUnit,
} from "@pingo/core";
import { systemPrng } from "@pingo/core/system";
import { type Blocks, packDataset, writeFile } from "@pingo/storage";
import { encodeVector, type StoredProgram, weightsLength } from "@pingo/training";

export interface StoredWork {
  readonly program: Cid;
  readonly weights: Cid;
  readonly weightsLength: number;
  readonly shards: readonly Shard[];
}

const ROWS = 256;
const WIDTH = 16;
const CLASSES = 4;
export const BATCH = 16;

/** @param hidden  how wide the model is: 32 makes 10,000 steps a second or so, 32,768 a minute or more */
export async function storeWork(blocks: Blocks, hidden = 32): Promise<StoredWork> {
  const model = defineModel(
    { name: "mlp", seed: 1, inputs: { x: { dtype: "float32", shape: ["batch", WIDTH] } } },
    (b, { x }) => ({
      logits: b.linear(b.relu(b.linear(x, { outFeatures: hidden })), { outFeatures: CLASSES }),
    }),
  );
  const { manifest } = await packDataset(rows(), { blocks, shardBytes: 8_192 });
  const { graph, signature, initialWeights } = buildTrainProgram(model, {
    fields: manifest.fields,
    target: "label",
    loss: "softmax-cross-entropy",
    optimizer: { adamw: { learningRate: 0.01, weightDecay: 0, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } },
    batchSize: BATCH,
  });
  const stored: StoredProgram = {
    kind: "pingo/program/v1",
    graph: await writeFile(blocks, graph),
    signature,
  };
  return {
    program: await blocks.put(encodeCanonical(stored), "dagCbor"),
    weights: await writeFile(blocks, encodeVector(initialWeights)),
    weightsLength: weightsLength(signature),
    shards: manifest.shards,
  };
}

export function leaseFor(
  provider: NodeId,
  work: StoredWork,
  change: Partial<TrainUnit> = {},
  registry: RegistryRef | null = null,
): Lease {
  const unit: TrainUnit = {
    job: work.program,
    round: 1,
    index: 0,
    program: work.program,
    weights: work.weights,
    shards: work.shards,
    seed: 7,
    steps: 24,
    batchSize: BATCH,
    learningRate: 0.01,
    deadlineMs: 60_000,
    ...change,
  };
  const id = leaseIdOf(systemPrng.bytes(26));
  return { id, attempt: 1, provider, unit, issuedAtUnixMs: Date.now(), ttlMs: 60_000, registry };
}

/** Separable: the label is the place of the largest of the first four numbers. */
function rows(): ReadonlyMap<string, Tensor> {
  const prng = createPrng(1);
  const x = Float32Array.from({ length: ROWS * WIDTH }, () => prng.float());
  const label = BigInt64Array.from({ length: ROWS }, (_, row) => {
    const first = x.subarray(row * WIDTH, row * WIDTH + CLASSES);
    return BigInt(first.indexOf(Math.max(...first)));
  });
  return new Map<string, Tensor>([
    ["x", { dtype: "float32", shape: [ROWS, WIDTH], data: x }],
    ["label", { dtype: "int64", shape: [ROWS], data: label }],
  ]);
}
