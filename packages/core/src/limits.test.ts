import { expect, test } from "vitest";
import type { z } from "zod";
import { type DatasetManifest, zDatasetManifest } from "./dataset.ts";
import { cidOfBytes, leaseIdOf } from "./ids.ts";
import { type RunJob, type TrainJob, zRunJob, zTrainJob } from "./job.ts";
import { keyPairOfSeed } from "./keys.ts";
import { LIMITS } from "./limits.ts";
import { HOURS_PER_WEEK, type Offer, zOffer } from "./offer.ts";
import { zProviderRequest } from "./wire.ts";
import { type Lease, zLease } from "./work.ts";

const cid = cidOfBytes(new Uint8Array());
const provider = keyPairOfSeed(new Uint8Array(32)).nodeId;
const leaseId = leaseIdOf(new Uint8Array(26));

const job = (change: Partial<TrainJob>): TrainJob => ({
  apiVersion: "pingo/v1",
  kind: "Train",
  name: "tiny",
  model: cid,
  data: { train: cid, test: null },
  objective: { loss: "mean-squared-error", target: "y", metrics: [] },
  optimizer: { sgd: { learningRate: 0.1, weightDecay: 0, momentum: 0, nesterov: false } },
  schedule: { rounds: 1, stepsPerRound: 1, batchSize: 1, secondsPerRound: 1 },
  workers: { min: 1, max: 1, cpuMillicores: 1, memoryBytes: 1 },
  retryMax: 1,
  budgetNano: "0",
  seed: 1,
  ...change,
});
const schedule = (change: Partial<TrainJob["schedule"]>): TrainJob =>
  job({ schedule: { ...job({}).schedule, ...change } });
const workers = (max: number): TrainJob => job({ workers: { ...job({}).workers, max } });

const runJob = (change: Partial<RunJob>): RunJob => ({
  apiVersion: "pingo/v1",
  kind: "Run",
  name: "tiny",
  module: cid,
  arguments: [],
  inputs: [],
  pieces: 1,
  limits: { memoryBytes: LIMITS.wasmPageBytes, outputBytes: 0, secondsPerPiece: 1 },
  verify: "none",
  workers: job({}).workers,
  retryMax: 1,
  budgetNano: "0",
  seed: 1,
  ...change,
});
const pieceLimits = (change: Partial<RunJob["limits"]>): RunJob =>
  runJob({ limits: { ...runJob({}).limits, ...change } });

const manifest = (change: Partial<DatasetManifest>): DatasetManifest => ({
  kind: "pingo/dataset/v1",
  rows: 1,
  fields: [{ name: "x", dtype: "float32", rowShape: [] }],
  shards: [{ cid, rows: 1, sizeBytes: 1 }],
  ...change,
});
const shards = (count: number): DatasetManifest =>
  manifest({ shards: Array.from({ length: count }, () => ({ cid, rows: 1, sizeBytes: 1 })) });
const rank = (axes: number): DatasetManifest =>
  manifest({ fields: [{ name: "x", dtype: "float32", rowShape: new Array<number>(axes - 1).fill(1) }] });

const lease = (ttlMs: number): Lease => ({
  id: leaseId,
  attempt: 1,
  provider,
  unit: {
    job: cid,
    round: 1,
    index: 0,
    program: cid,
    weights: cid,
    shards: [{ cid, rows: 1, sizeBytes: 1 }],
    seed: 1,
    steps: 1,
    batchSize: 1,
    learningRate: 1,
    deadlineMs: 1,
  },
  issuedAtUnixMs: 1,
  ttlMs,
  registry: null,
});
const offer = (slots: number): Offer => ({
  provider,
  slots,
  cpuMillicores: 1,
  memoryBytes: 1,
  diskBytes: 1,
  gflops: 1,
  measuredAtUnixMs: 1,
});
const terms = (change: object): unknown => ({
  ...offer(1),
  terms: {
    ...{ memoryBytesPerSecond: 1, downBytesPerSecond: 1, upBytesPerSecond: 1, availability: [] },
    ...{ reclaimNoticeMs: 0, priceNanoPerCpuHour: "0", ...change },
  },
});
const hello = (leases: number): unknown => ({
  type: "hello",
  version: 1,
  offer: offer(1),
  instance: "0123456789abcdef",
  held: new Array(leases).fill(leaseId),
});
const heartbeat = (leases: number): unknown => ({
  type: "heartbeat",
  sequence: 1,
  progress: new Array(leases).fill({ lease: leaseId, step: 1, loss: null }),
});

const { workersMax, datasetShardsMax, tensorRankMax, leasesPerProviderMax } = LIMITS;

test.each<readonly [string, z.ZodType, (value: number) => unknown, number]>([
  ["roundsMax", zTrainJob, (rounds) => schedule({ rounds }), LIMITS.roundsMax],
  ["stepsPerRoundMax", zTrainJob, (stepsPerRound) => schedule({ stepsPerRound }), LIMITS.stepsPerRoundMax],
  ["batchSizeMax", zTrainJob, (batchSize) => schedule({ batchSize }), LIMITS.batchSizeMax],
  ["workersMax", zTrainJob, workers, workersMax],
  ["nameCharsMax", zTrainJob, (chars) => job({ name: "n".repeat(chars) }), LIMITS.nameCharsMax],
  ["piecesMax", zRunJob, (pieces) => runJob({ pieces }), LIMITS.piecesMax],
  [
    "argumentsMax",
    zRunJob,
    (count) => runJob({ arguments: new Array(count).fill("a") }),
    LIMITS.argumentsMax,
  ],
  [
    "argumentCharsMax",
    zRunJob,
    (chars) => runJob({ arguments: ["a".repeat(chars)] }),
    LIMITS.argumentCharsMax,
  ],
  ["outputBytesMax", zRunJob, (outputBytes) => pieceLimits({ outputBytes }), LIMITS.outputBytesMax],
  ["wasmMemoryBytesMax", zRunJob, (memoryBytes) => pieceLimits({ memoryBytes }), LIMITS.wasmMemoryBytesMax],
  ["datasetRowsMax", zDatasetManifest, (rows) => manifest({ rows }), LIMITS.datasetRowsMax],
  [
    "datasetBytesMax",
    zDatasetManifest,
    (sizeBytes) => manifest({ shards: [{ cid, rows: 1, sizeBytes }] }),
    LIMITS.datasetBytesMax,
  ],
  ["datasetShardsMax", zDatasetManifest, shards, datasetShardsMax],
  ["tensorRankMax", zDatasetManifest, rank, tensorRankMax],
  ["leaseTtlMsMax", zLease, lease, LIMITS.leaseTtlMsMax],
  ["leasesPerProviderMax, offered", zOffer, offer, leasesPerProviderMax],
  ["reclaimNoticeMsMax", zOffer, (reclaimNoticeMs) => terms({ reclaimNoticeMs }), LIMITS.reclaimNoticeMsMax],
  [
    "offerBytesPerSecondMax",
    zOffer,
    (memoryBytesPerSecond) => terms({ memoryBytesPerSecond }),
    LIMITS.offerBytesPerSecondMax,
  ],
  ["hours of a week", zOffer, (hours) => terms({ availability: new Array(hours).fill(100) }), HOURS_PER_WEEK],
  ["percent", zOffer, (percent) => terms({ availability: new Array(HOURS_PER_WEEK).fill(percent) }), 100],
  ["leasesPerProviderMax, held", zProviderRequest, hello, leasesPerProviderMax],
  ["leasesPerProviderMax, under way", zProviderRequest, heartbeat, leasesPerProviderMax],
])("%s is taken at the limit and refused past it", (_, schema, withSize, limit) => {
  expect(schema.safeParse(withSize(limit)).error).toBeUndefined();
  expect(schema.safeParse(withSize(limit + 1)).success).toBe(false);
});
