/** Small, valid shapes for the tests of this package. */
import type { ProgramSignature } from "@pingo/autograd";
import {
  type Cid,
  cidOfBytes,
  type DatasetManifest,
  keyPairOfSeed,
  type LeaseId,
  leaseIdOf,
  type NodeId,
  type TrainJob,
} from "@pingo/core";

export function cidOf(name: string): Cid {
  return cidOfBytes(new TextEncoder().encode(name));
}

export function providerOf(index: number): NodeId {
  return keyPairOfSeed(new Uint8Array(32).fill(index + 1)).nodeId;
}

export function leaseOf(index: number): LeaseId {
  return leaseIdOf(Uint8Array.from({ length: 26 }, (_, i) => (i === 0 ? index & 31 : index >> 5)));
}

export function jobOf(schedule: Partial<TrainJob["schedule"]> = {}): TrainJob {
  return {
    apiVersion: "pingo/v1",
    kind: "Train",
    name: "digits",
    model: cidOf("model"),
    data: { train: cidOf("train"), test: null },
    objective: { loss: "softmax-cross-entropy", target: "label", metrics: ["accuracy"] },
    optimizer: { adamw: { learningRate: 0.01, weightDecay: 0.01, beta1: 0.9, beta2: 0.95, epsilon: 1e-8 } },
    schedule: { rounds: 3, stepsPerRound: 10, batchSize: 8, secondsPerRound: 60, ...schedule },
    workers: { min: 1, max: 3, cpuMillicores: 1000, memoryBytes: 2 ** 28 },
    retryMax: 2,
    budgetNano: "0",
    seed: 7,
  };
}

export function manifestOf(shardRows: readonly number[]): DatasetManifest {
  return {
    kind: "pingo/dataset/v1",
    rows: shardRows.reduce((sum, rows) => sum + rows, 0),
    fields: [
      { name: "image", dtype: "float32", rowShape: [2] },
      { name: "label", dtype: "int64", rowShape: [] },
    ],
    shards: shardRows.map((rows, i) => ({ cid: cidOf(`shard ${i}`), rows, sizeBytes: rows * 16 })),
  };
}

/** Two trained parameters around a statistic: 4 + 1 + 2 numbers. */
export const SIGNATURE: ProgramSignature = {
  parameters: [
    { name: "weight", shape: [2, 2], kind: "trained" },
    { name: "mean", shape: [1], kind: "statistic" },
    { name: "bias", shape: [2], kind: "trained" },
  ],
  fields: [
    { name: "image", dtype: "float32", rowShape: [2] },
    { name: "label", dtype: "int64", rowShape: [] },
  ],
  target: "label",
  batchSize: 8,
};
export const SIGNATURE_LENGTH = 7;
