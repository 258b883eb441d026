/** An application's side of the network: submit a job, follow it, fetch what came out. */
import { join } from "node:path";
import {
  type BooksReport,
  type BooksView,
  type CaseView,
  type Cid,
  cidOfValue,
  createTicketedFetch,
  type EmissionView,
  encodeCanonical,
  type FogNodeView,
  JOB_DOMAIN,
  type JobEnvelope,
  type JobEscrowView,
  type JobId,
  type JobPayments,
  type JobView,
  type KeyPair,
  LIMITS,
  type MarketView,
  type MembershipView,
  type NodeId,
  type NumberedEvent,
  type Ports,
  type ProviderView,
  type RefutedWork,
  type RewardsView,
  STOP_DOMAIN,
  signValue,
  type WalletLink,
  zBooksReport,
  zBooksView,
  zCases,
  zEmissionView,
  zFogNodeView,
  zJobEscrowView,
  zJobPayments,
  zJobView,
  zMarketView,
  zMembershipView,
  zNodeId,
  zProviderView,
  zRefutedWorks,
  zRewardsView,
} from "@pingo/core";
import {
  type Blocks,
  createHttpBlocks,
  type ExportProgress,
  exportFolder,
  type FolderSurvey,
  type HttpBlocks,
  importFolder,
  readFile,
  surveyFolder,
  writeFile,
} from "@pingo/storage";
import { z } from "zod";
import { followEvents } from "./event-stream.ts";
import { FogError } from "./fog-error.ts";
import { askFog, SUBMIT_TIMEOUT_MS } from "./fog-http.ts";
import { onlyMissing, type UploadProgress } from "./only-missing.ts";
import { packJob } from "./pack-job.ts";
import type { SubmittedParts } from "./prepare-job.ts";
import { type PreparedRun, packRun } from "./prepare-run.ts";

/** Of metrics.json and provenance.json. */
const REPORT_BYTES_MAX = 64 * 1024 * 1024;
const NONCE_BYTES = 16;

export interface FogClientOptions {
  readonly ports: Pick<Ports, "clock" | "prng" | "disk" | "fetch">;
  /** Signs jobs and stops; only reading works without one. */
  readonly key?: KeyPair;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface SubmitOptions extends CallOptions {
  readonly onProgress?: (progress: UploadProgress) => void;
}

export interface DownloadOptions extends CallOptions {
  /** Of all files together. */
  readonly sizeBytesMax?: number;
  readonly onProgress?: (progress: ExportProgress) => void;
}

export interface Stored extends FolderSurvey {
  readonly cid: Cid;
}

export interface FollowOptions extends CallOptions {
  /** Events after this sequence number. */
  readonly after?: number;
  readonly onReconnect?: (error: unknown) => void;
}

export type ResultFiles = TrainFiles | RunFiles;

/** Of a Run job: a folder with one of each piece, by its number. */
export interface RunFiles {
  readonly pieces: string;
  readonly provenance: string;
}

export interface TrainFiles {
  readonly model: string;
  readonly metrics: string;
  readonly provenance: string;
  /** Where adapters were trained: they alone. */
  readonly adapters?: string;
  /** Where `model` has the mean of the rounds: the model with the last round's own weights. */
  readonly rawModel?: string;
}

export interface Linked {
  readonly node: NodeId;
  /** workchain:hex */
  readonly address: string;
}

export interface FogClient {
  readonly url: string;
  node(options?: CallOptions): Promise<FogNodeView>;
  providers(options?: CallOptions): Promise<readonly ProviderView[]>;
  submit(prepared: SubmittedParts | PreparedRun, options?: SubmitOptions): Promise<JobView>;
  list(options?: CallOptions): Promise<readonly JobView[]>;
  show(job: JobId, options?: CallOptions): Promise<JobView>;
  /** Ends with `finished`; survives a fog node that restarts. */
  events(job: JobId, options?: FollowOptions): AsyncGenerator<NumberedEvent, void, undefined>;
  stop(job: JobId, options?: CallOptions): Promise<JobView>;
  /**
   * Writes model.onnx, metrics.json and provenance.json; where the job made them, adapters.safetensors and model-raw.onnx. Of a
   * Run job: the folder pieces, and provenance.json.
   */
  fetchResult(job: JobId, folder: string, options?: CallOptions): Promise<ResultFiles>;
  /** What somebody earned and spent, newest movements first. */
  books(id: NodeId, options?: CallOptions): Promise<BooksView>;
  /** Who got and gave what for a job. */
  payments(job: JobId, options?: CallOptions): Promise<JobPayments>;
  /** Where a job's budget is to be, where this fog node is paid on chain. */
  escrow(job: JobId, options?: CallOptions): Promise<JobEscrowView>;
  market(options?: CallOptions): Promise<MarketView>;
  /** The fog node's books computed again from signed receipts. */
  audit(options?: CallOptions): Promise<BooksReport>;
  /** Epochs, and roots as the chain has them. */
  emission(options?: CallOptions): Promise<EmissionView>;
  /** What the emission gave a wallet, and the proof to claim it. @param owner workchain:hex */
  rewards(owner: string, options?: CallOptions): Promise<RewardsView>;
  membership(id: NodeId, options?: CallOptions): Promise<MembershipView>;
  /** Work that tells against who did it, newest first. */
  cases(options?: CallOptions): Promise<readonly CaseView[]>;
  /** Work of a job, or of a provider, that counted and was refuted since, and what was taken back for it. */
  refutedOfJob(job: JobId, options?: CallOptions): Promise<readonly RefutedWork[]>;
  refutedOfProvider(id: NodeId, options?: CallOptions): Promise<readonly RefutedWork[]>;
  /** Says whose wallet a node works for; both keys signed it. */
  linkWallet(link: WalletLink, options?: CallOptions): Promise<Linked>;
  /** One block, checked against its id. */
  getBlock(cid: Cid, options?: CallOptions): Promise<Uint8Array>;
  /** The fog node's store, by CID; what is read is checked, and what is put signed for. */
  store(options?: CallOptions): Promise<Blocks>;
  putFile(bytes: Uint8Array, options?: SubmitOptions): Promise<Cid>;
  getFile(cid: Cid, options?: CallOptions & { readonly sizeBytesMax?: number }): Promise<Uint8Array>;
  /** A file or a folder of this machine, streamed. */
  upload(path: string, options?: SubmitOptions): Promise<Stored>;
  /** A file or a folder, streamed to a path where nothing is yet; all or nothing. */
  download(cid: Cid, target: string, options?: DownloadOptions): Promise<FolderSurvey>;
}

/**
 * A client of the fog node at this address; nothing is sent yet.
 *
 * @throws {FogError} FOG_URL_INVALID
 */
export function connect(fogUrl: string, options: FogClientOptions): FogClient {
  const url = originOf(fogUrl);
  const { ports, key } = options;
  const ask = <T>(path: string, schema: z.ZodType<T>, init: Parameters<typeof askFog>[3]): Promise<T> =>
    askFog(ports.fetch, `${url}${path}`, schema, init);
  const keyFor = (what: string): KeyPair => {
    if (!key) throw new FogError({ code: "KEY_NEEDED", what });
    return key;
  };
  const tickets = key && createTicketedFetch(ports.fetch, { key, clock: ports.clock });
  const { fetch } = tickets ?? ports;
  const blocks = (): HttpBlocks => createHttpBlocks({ baseUrl: url, fetch, clock: ports.clock });
  const client: FogClient = {
    url,
    async node(call) {
      const view = await ask("/v1/node", zFogNodeView, { signal: call?.signal });
      tickets?.uploadTo(view.id);
      return view;
    },
    async providers(call) {
      return (await ask("/v1/providers", zProviders, { signal: call?.signal })).providers;
    },
    async submit(prepared, submit = {}) {
      const signer = keyFor("a job");
      await client.node(submit); // says FOG_UNREACHABLE before gigabytes are packed
      const target = onlyMissing(blocks(), { ...submit, bytesTotal: prepared.sizeBytes });
      const job = "pieces" in prepared ? await packRun(prepared, target) : await packJob(prepared, target);
      const envelope: JobEnvelope = { job, nonce: ports.prng.bytes(NONCE_BYTES) };
      const signed = signValue(JOB_DOMAIN, envelope, signer);
      const view = await ask("/v1/jobs", zJobView, {
        method: "POST",
        body: encodeCanonical(signed),
        timeoutMs: SUBMIT_TIMEOUT_MS,
        signal: submit.signal,
      });
      const id = cidOfValue(signed);
      if (view.id === id) return view;
      // What it took is not what was signed here: its results would be of another job.
      const why = `it names the job ${view.id}; what was signed is ${id}`;
      throw new FogError({ code: "FOG_ANSWER_INVALID", url: `${url}/v1/jobs`, why });
    },
    async list(call) {
      return (await ask("/v1/jobs", zJobs, { signal: call?.signal })).jobs;
    },
    show: (job, call) => ask(`/v1/jobs/${job}`, zJobView, { signal: call?.signal }),
    events: (job, follow = {}) =>
      followEvents(url, job, { fetch: ports.fetch, clock: ports.clock, ...follow }),
    stop(job, call) {
      const body = encodeCanonical(signValue(STOP_DOMAIN, { job }, keyFor("a stop")));
      return ask(`/v1/jobs/${job}/stop`, zJobView, { method: "POST", body, signal: call?.signal });
    },
    async fetchResult(job, folder, call = {}) {
      const { result, state, reason } = await client.show(job, call);
      if (!result) throw new FogError({ code: "RESULT_NOT_READY", job, state, reason });
      const fetchTo = async (name: string, cid: Cid, sizeBytesMax: number): Promise<string> => {
        const path = join(folder, name);
        await ports.disk.write(path, await client.getFile(cid, { ...call, sizeBytesMax }));
        return path;
      };
      if ("pieces" in result) {
        const pieces = join(folder, "pieces");
        await client.download(result.pieces, pieces, { ...call, sizeBytesMax: LIMITS.datasetBytesMax });
        return { pieces, provenance: await fetchTo("provenance.json", result.provenance, REPORT_BYTES_MAX) };
      }
      const { adapters, rawModel } = result;
      return {
        metrics: await fetchTo("metrics.json", result.metrics, REPORT_BYTES_MAX),
        provenance: await fetchTo("provenance.json", result.provenance, REPORT_BYTES_MAX),
        model: await fetchTo("model.onnx", result.model, LIMITS.modelBytesMax),
        ...(adapters && { adapters: await fetchTo("adapters.safetensors", adapters, LIMITS.modelBytesMax) }),
        ...(rawModel && { rawModel: await fetchTo("model-raw.onnx", rawModel, LIMITS.modelBytesMax) }),
      };
    },
    books: (id, call) => ask(`/v1/books/${id}`, zBooksView, { signal: call?.signal }),
    payments: (job, call) => ask(`/v1/jobs/${job}/payments`, zJobPayments, { signal: call?.signal }),
    escrow: (job, call) => ask(`/v1/jobs/${job}/escrow`, zJobEscrowView, { signal: call?.signal }),
    market: (call) => ask("/v1/market", zMarketView, { signal: call?.signal }),
    audit: (call) => ask("/v1/audit", zBooksReport, { timeoutMs: SUBMIT_TIMEOUT_MS, signal: call?.signal }),
    emission: (call) => ask("/v1/emission", zEmissionView, { signal: call?.signal }),
    rewards: (owner, call) => ask(`/v1/rewards/${owner}`, zRewardsView, { signal: call?.signal }),
    cases: async (call) => (await ask("/v1/cases", zCases, { signal: call?.signal })).cases,
    refutedOfJob: async (job, call) =>
      (await ask(`/v1/jobs/${job}/refuted`, zRefutedWorks, { signal: call?.signal })).refuted,
    refutedOfProvider: async (id, call) =>
      (await ask(`/v1/providers/${id}/refuted`, zRefutedWorks, { signal: call?.signal })).refuted,
    membership: (id, call) => ask(`/v1/membership/${id}`, zMembershipView, { signal: call?.signal }),
    linkWallet: (link, call) =>
      ask("/v1/wallets", zLinked, { method: "POST", body: encodeCanonical(link), signal: call?.signal }),
    getBlock: (cid, get) => blocks().get(cid, get?.signal ? { signal: get.signal } : {}),
    async store(call) {
      await client.node(call);
      return blocks();
    },
    async putFile(bytes, put = {}) {
      await client.node(put);
      return writeFile(onlyMissing(blocks(), { ...put, bytesTotal: bytes.byteLength }), bytes);
    },
    async getFile(cid, get = {}) {
      await client.node(get);
      const { sizeBytesMax = LIMITS.datasetBytesMax, signal } = get;
      return readFile(blocks(), cid, { sizeBytesMax, ...(signal ? { signal } : {}) });
    },
    async upload(path, put = {}) {
      const survey = await surveyFolder(path); // what is refused is refused before a byte is sent
      await client.node(put);
      const remote = onlyMissing(blocks(), { ...put, bytesTotal: survey.sizeBytes });
      return { cid: await importFolder(remote, path, put), ...survey };
    },
    async download(cid, target, get = {}) {
      await client.node(get);
      return exportFolder(blocks(), cid, target, { sizeBytesMax: LIMITS.datasetBytesMax, ...get });
    },
  };
  return client;
}

const zLinked: z.ZodType<Linked> = z.object({ node: zNodeId, address: z.string().max(80) });
const zJobs: z.ZodType<{ readonly jobs: readonly JobView[] }> = z.object({ jobs: z.array(zJobView) });
const zProviders: z.ZodType<{ readonly providers: readonly ProviderView[] }> = z.object({
  providers: z.array(zProviderView),
});

function originOf(fogUrl: string): string {
  const url = URL.canParse(fogUrl) ? new URL(fogUrl) : undefined;
  if (!url || !["http:", "https:"].includes(url.protocol) || url.pathname !== "/") {
    throw new FogError({ code: "FOG_URL_INVALID", url: fogUrl.slice(0, 200) });
  }
  return url.origin;
}
