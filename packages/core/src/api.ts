/** What the fog node's control API answers (JSON). Paths: apps/fog/src/api. */
import { z } from "zod";
import type { Cid, NodeId } from "./ids.ts";
import type { JobState } from "./job.ts";
import { type OfferTerms, WORK_KINDS, type WorkKind, zOfferTerms } from "./offer.ts";
import { zCid, zCount, zNodeId, zSentence } from "./schema.ts";

/** GET /v1/node: how to reach this fog node. */
export interface FogNodeView {
  readonly id: NodeId;
  /** Multiaddrs with /p2p/ID at the end. */
  readonly addresses: readonly string[];
  readonly httpUrl: string;
  readonly version: string;
  /** Where pages may lend too. */
  readonly web?: FogWebView;
}

export interface FogWebView {
  /** The page that lends. */
  readonly pageUrl: string;
  /** Multiaddrs that pages dial. */
  readonly addresses: readonly string[];
}

/** GET /v1/jobs and /v1/jobs/:id */
export interface JobView {
  readonly id: Cid;
  readonly kind: WorkKind;
  readonly name: string;
  readonly owner: NodeId;
  readonly state: JobState;
  /** Why it failed, was stopped or waits. */
  readonly reason: string | null;
  /** Rounds committed. */
  readonly round: number;
  readonly rounds: number;
  readonly steps: number;
  readonly rows: number;
  /** Mean training loss of the last committed round. */
  readonly loss: number | null;
  readonly evaluation: {
    readonly round: number;
    readonly loss: number;
    readonly accuracy: number | null;
  } | null;
  /** Providers whose work counted. */
  readonly providers: readonly NodeId[];
  /** Updates providers sent up; weights, program and shards they fetched. */
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** First lease to last commit. */
  readonly trainingMs: number;
  readonly createdAtUnixMs: number;
  readonly finishedAtUnixMs: number | null;
  /** Once succeeded; of a Run job also where pieces of it ended otherwise. */
  readonly result: JobResult | null;
}

export type JobResult = TrainResult | RunResult;

/** UnixFS: a folder with the results of all pieces, by their numbers, and a file. */
export interface RunResult {
  readonly pieces: Cid;
  readonly provenance: Cid;
}

/** UnixFS files. */
export interface TrainResult {
  readonly model: Cid;
  readonly metrics: Cid;
  readonly provenance: Cid;
  /** The adapters alone, as safetensors, where it was they that were trained. */
  readonly adapters?: Cid;
  /** The model with the last round's own weights, where `model` has the mean of the rounds. */
  readonly rawModel?: Cid;
}

/** GET /v1/providers */
export interface ProviderView {
  readonly id: NodeId;
  readonly connected: boolean;
  readonly slots: number;
  readonly busySlots: number;
  readonly cpuMillicores: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
  readonly gflops: number;
  readonly terms?: OfferTerms;
  readonly lastSeenUnixMs: number;
  readonly unitsCounted: number;
  /** Where a stake is asked for: whether it has one, and is given work. */
  readonly hasStake?: boolean;
}

export const zFogNodeView: z.ZodType<FogNodeView> = z.object({
  id: zNodeId,
  addresses: z.array(z.string().max(512)).max(64),
  httpUrl: z.url().max(512),
  version: zSentence,
  web: z
    .object({ pageUrl: z.url().max(512), addresses: z.array(z.string().max(512)).max(64) })
    .exactOptional(),
});

export const zJobView: z.ZodType<JobView> = z.object({
  id: zCid,
  kind: z.enum(WORK_KINDS),
  name: zSentence,
  owner: zNodeId,
  state: z.enum(["queued", "running", "succeeded", "failed", "stopped"]),
  reason: zSentence.nullable(),
  round: zCount,
  rounds: zCount,
  steps: zCount,
  rows: zCount,
  loss: z.number().nullable(),
  evaluation: z.object({ round: zCount, loss: z.number(), accuracy: z.number().nullable() }).nullable(),
  providers: z.array(zNodeId),
  bytesUp: zCount,
  bytesDown: zCount,
  trainingMs: zCount,
  createdAtUnixMs: zCount,
  finishedAtUnixMs: zCount.nullable(),
  result: z
    .union([
      z.object({
        model: zCid,
        metrics: zCid,
        provenance: zCid,
        adapters: zCid.exactOptional(),
        rawModel: zCid.exactOptional(),
      }),
      z.object({ pieces: zCid, provenance: zCid }),
    ])
    .nullable(),
});

export const zProviderView: z.ZodType<ProviderView> = z.object({
  id: zNodeId,
  connected: z.boolean(),
  slots: zCount,
  busySlots: zCount,
  cpuMillicores: zCount,
  memoryBytes: zCount,
  diskBytes: zCount,
  gflops: z.number(),
  terms: zOfferTerms.exactOptional(),
  lastSeenUnixMs: zCount,
  unitsCounted: zCount,
  hasStake: z.boolean().exactOptional(),
});

/** Body of every HTTP answer that is not 2xx. */
export const zErrorBody = z.object({
  error: z.object({ code: z.string().max(64), message: z.string().max(4_096) }),
});
