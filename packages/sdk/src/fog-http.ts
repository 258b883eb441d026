/** One request to a fog node's control API and its checked answer. */
import {
  type Fetch,
  type HttpAnswer,
  isFault,
  LIMITS,
  parseShape,
  RemoteError,
  zErrorBody,
} from "@pingo/core";
import type { z } from "zod";
import { FogError } from "./fog-error.ts";

/** Admission of a job reads its data on the fog node, which takes longer than a question. */
export const SUBMIT_TIMEOUT_MS = 300_000;

export interface FogRequestOptions {
  readonly method?: "GET" | "POST";
  /** Canonical DAG-CBOR. */
  readonly body?: Uint8Array;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * @throws {FogError} FOG_UNREACHABLE, FOG_ANSWER_INVALID
 * @throws {RemoteError} the fault that the fog node answered with
 */
export async function askFog<T>(
  fetch: Fetch,
  url: string,
  schema: z.ZodType<T>,
  options: FogRequestOptions = {},
): Promise<T> {
  const timeout = AbortSignal.timeout(options.timeoutMs ?? LIMITS.requestTimeoutMs);
  const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
  try {
    const response = await fetch(url, {
      method: options.method ?? "GET",
      signal,
      ...(options.body
        ? { body: new Uint8Array(options.body), headers: { "content-type": "application/cbor" } }
        : {}),
    });
    const bytes = await readAtMost(response, LIMITS.httpBodyBytesMax, url);
    if (!response.ok) throw refusal(url, response.status, bytes);
    return checked(schema, jsonOf(bytes, url), url);
  } catch (error) {
    if (isFault(error)) throw error;
    options.signal?.throwIfAborted();
    throw unreachable(url, error);
  }
}

/** The fault in the body of an answer that is not 2xx. */
export function refusal(url: string, status: number, bytes: Uint8Array): Error {
  const body = zErrorBody.safeParse(jsonOrUndefined(bytes));
  if (body.success) return new RemoteError(body.data.error);
  return new FogError({ code: "FOG_ANSWER_INVALID", url, why: `HTTP status ${status} without a reason` });
}

export function unreachable(url: string, cause: unknown): FogError {
  return new FogError({ code: "FOG_UNREACHABLE", url: new URL(url).origin, why: whyOf(cause) }, { cause });
}

export async function readAtMost(response: HttpAnswer, bytesMax: number, url: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) {
      throw new FogError({ code: "FOG_ANSWER_INVALID", url, why: `it is longer than ${bytesMax} bytes` });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function checked<T>(schema: z.ZodType<T>, value: unknown, url: string): T {
  try {
    return parseShape(schema, value, "the answer");
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : "unexpected shape";
    throw new FogError({ code: "FOG_ANSWER_INVALID", url, why }, { cause });
  }
}

function jsonOf(bytes: Uint8Array, url: string): unknown {
  const value = jsonOrUndefined(bytes);
  if (value === undefined) throw new FogError({ code: "FOG_ANSWER_INVALID", url, why: "it is not JSON" });
  return value;
}

function jsonOrUndefined(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined; // the caller says what that means
  }
}

/** fetch hides the reason in `cause`: ECONNREFUSED says more than "fetch failed". */
function whyOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError") return "it took too long";
  if (error.cause instanceof AggregateError && error.cause.errors.length > 0)
    return whyOf(error.cause.errors[0]);
  if (error.cause instanceof Error) return whyOf(error.cause);
  const code = "code" in error ? String(error.code) : "";
  const known: Readonly<Record<string, string>> = {
    ECONNREFUSED: "the connection was refused",
    ENOTFOUND: "there is no host of this name",
    ECONNRESET: "the connection broke",
    UND_ERR_SOCKET: "the connection broke",
  };
  return known[code] ?? error.message;
}
