/**
 * Blocks of a fog node over HTTP: raw blocks by CID, each checked before anyone sees it.
 *
 * SOURCE: https://specs.ipfs.tech/http-gateways/trustless-gateway/
 */
import {
  type BlockCodec,
  type Cid,
  type Clock,
  cidOfBytes,
  concatBytes,
  type Fetch,
  type HttpAnswer,
  type HttpRequest,
  isBlockOf,
  isFault,
  LIMITS,
  RemoteError,
  zErrorBody,
} from "@pingo/core";
import { type BlockOptions, type Blocks, checkBlockSize } from "./blocks.ts";
import { StorageError } from "./storage-error.ts";

/** A 2 MiB block at 1 Mbit/s takes 17 s. */
const BLOCK_TIMEOUT_MS = 30_000;
const BLOCK_RETRIES_MAX = 4;
const BACKOFF_MS = 200;
const BACKOFF_MS_MAX = 5_000;
/** A station full of uploads says to wait so long: all tries together outlast those of them that have fallen silent. */
const BUSY_MS = 3_000;
const ERROR_BODY_BYTES_MAX = 16 * 1024;
const REQUEST_TIMEOUT = 408;
const SERVICE_UNAVAILABLE = 503;
/** The disk is full: asking again soon cannot help. */
const INSUFFICIENT_STORAGE = 507;

export interface HttpBlocksOptions {
  /** Of the fog node: "http://host:port". */
  readonly baseUrl: string;
  readonly fetch: Fetch;
  readonly clock: Clock;
  /** Of one try, from the request to the last byte. */
  readonly timeoutMs?: number;
  /** After a network fault, a 5xx or a 408; any other 4xx is an answer and is not asked again. */
  readonly retriesMax?: number;
}

export interface HttpBlocks extends Blocks {
  /** Block bytes sent and received, the tries that failed included. */
  readonly bytesUp: number;
  readonly bytesDown: number;
}

export function createHttpBlocks(options: HttpBlocksOptions): HttpBlocks {
  return new HttpStore(options);
}

interface Answer {
  readonly status: number;
  readonly body: Uint8Array;
}

class HttpStore implements HttpBlocks {
  bytesUp = 0;
  bytesDown = 0;
  readonly #baseUrl: string;
  readonly #fetch: Fetch;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #retriesMax: number;

  constructor(options: HttpBlocksOptions) {
    this.#baseUrl = options.baseUrl.replace(/\/+$/, "");
    this.#fetch = options.fetch;
    this.#clock = options.clock;
    this.#timeoutMs = options.timeoutMs ?? BLOCK_TIMEOUT_MS;
    this.#retriesMax = options.retriesMax ?? BLOCK_RETRIES_MAX;
  }

  async get(cid: Cid, options?: BlockOptions): Promise<Uint8Array> {
    const url = this.#urlOf(cid);
    const headers = { accept: "application/vnd.ipld.raw" };
    const { status, body } = await this.#ask(url, { headers }, options?.signal);
    if (status === 404) throw new StorageError({ code: "BLOCK_NOT_FOUND", cid, where: this.#baseUrl });
    if (status !== 200) throw refusal(url, status, body);
    if (!isBlockOf(cid, body)) throw new StorageError({ code: "BLOCK_ALTERED", cid, url });
    return body;
  }

  async has(cid: Cid, options?: BlockOptions): Promise<boolean> {
    const url = this.#urlOf(cid);
    const { status, body } = await this.#ask(url, { method: "HEAD" }, options?.signal);
    if (status === 200) return true;
    if (status === 404) return false;
    throw refusal(url, status, body);
  }

  async put(bytes: Uint8Array, codec: BlockCodec = "raw", options?: BlockOptions): Promise<Cid> {
    checkBlockSize(bytes);
    const cid = cidOfBytes(bytes, codec);
    const url = this.#urlOf(cid);
    // SAFETY: no block of ours is on shared memory, which is all that a request's body excludes.
    const request = { method: "PUT", body: bytes as Uint8Array<ArrayBuffer> } as const;
    const { status, body } = await this.#ask(url, request, options?.signal);
    if (status !== 200 && status !== 201) throw refusal(url, status, body);
    return cid;
  }

  #urlOf(cid: Cid): string {
    return `${this.#baseUrl}/ipfs/${cid}`;
  }

  /** The first answer that asking again cannot better. @throws {StorageError} FOG_UNREACHABLE when no try has one */
  async #ask(url: string, init: HttpRequest, signal: AbortSignal | undefined): Promise<Answer> {
    for (let tries = 0; ; tries++) {
      signal?.throwIfAborted();
      let why: string;
      let cause: unknown;
      let waitMs = Math.min(BACKOFF_MS * 2 ** tries, BACKOFF_MS_MAX);
      try {
        const answer = await this.#try(url, init, signal);
        if (isFinal(answer.status)) return answer;
        why = `it answered ${answer.status}`;
        if (answer.status === SERVICE_UNAVAILABLE) waitMs = Math.max(waitMs, BUSY_MS);
      } catch (error) {
        signal?.throwIfAborted();
        if (isFault(error)) throw error;
        cause = error;
        why = whyOf(error);
      }
      if (tries === this.#retriesMax)
        throw new StorageError({ code: "FOG_UNREACHABLE", url, why }, { cause });
      await this.#clock.sleep(waitMs, signal ? { signal } : {});
    }
  }

  async #try(url: string, init: HttpRequest, signal: AbortSignal | undefined): Promise<Answer> {
    const timeout = new AbortController();
    const done = new AbortController();
    const signals = signal ? [signal, timeout.signal] : [timeout.signal];
    const expire = async (): Promise<void> => {
      await this.#clock.sleep(this.#timeoutMs, { signal: done.signal });
      timeout.abort(new Error(`nothing whole within ${this.#timeoutMs} ms`));
    };
    // Rejects only because the try is over.
    expire().catch(() => undefined);
    try {
      if (init.body instanceof Uint8Array) this.bytesUp += init.body.byteLength;
      const response = await this.#fetch(url, { ...init, signal: AbortSignal.any(signals) });
      const bytesMax = response.ok ? LIMITS.blockBytesMax : ERROR_BODY_BYTES_MAX;
      return { status: response.status, body: await this.#readBody(url, response, bytesMax) };
    } finally {
      done.abort();
    }
  }

  /** Never more than `bytesMax` in memory, whatever the other side sends. */
  async #readBody(url: string, response: HttpAnswer, bytesMax: number): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let sizeBytes = 0;
    if (response.body === null) return new Uint8Array();
    for await (const chunk of response.body) {
      sizeBytes += chunk.byteLength;
      this.bytesDown += chunk.byteLength;
      // Leaving the loop cancels the body.
      if (sizeBytes > bytesMax) {
        throw new StorageError({ code: "BLOCK_TOO_LARGE", what: `the answer of ${url}`, bytesMax });
      }
      chunks.push(chunk);
    }
    return concatBytes(chunks);
  }
}

function isFinal(status: number): boolean {
  return (status < 500 && status !== REQUEST_TIMEOUT) || status === INSUFFICIENT_STORAGE;
}

/** The fog node's own fault when it sent one. */
function refusal(url: string, status: number, body: Uint8Array): Error {
  try {
    const parsed = zErrorBody.safeParse(JSON.parse(new TextDecoder().decode(body)));
    if (parsed.success) return new RemoteError(parsed.data.error);
  } catch (cause) {
    return new StorageError({ code: "FOG_REFUSED", url, status }, { cause });
  }
  return new StorageError({ code: "FOG_REFUSED", url, status });
}

/** undici says "fetch failed" and keeps the reason in `cause`. */
function whyOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  return "code" in cause ? String(cause.code) : cause.message;
}
