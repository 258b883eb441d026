/** Finds the fog node: what it says of itself over HTTP, then a control channel to the key it named. */
import {
  CONTROL_PROTOCOL,
  type Fetch,
  type FogNodeView,
  type HttpAnswer,
  isFault,
  parseShape,
  zFogNodeView,
} from "@pingo/core";
import type { Channel, PeerHost } from "@pingo/network";
import { LendingError } from "./lending-error.ts";

const VIEW_BYTES_MAX = 64 * 1024;
const VIEW_MS_MAX = 5_000;

export interface FogNodeOptions {
  readonly url: string;
  readonly host: PeerHost;
  readonly fetch: Fetch;
  readonly signal: AbortSignal;
  /** Which of its addresses this host can dial; absent: those for processes. */
  readonly addressesOf?: (view: FogNodeView) => readonly string[];
}

/** @throws {LendingError} FOG_UNREACHABLE, FOG_ANSWER_MALFORMED; {NetworkError} what the last address said */
export async function dialFogNode(options: FogNodeOptions): Promise<Channel> {
  const { url, host, signal, addressesOf = ({ addresses }) => addresses } = options;
  const addresses = addressesOf(await fetchView(options));
  let last: unknown = new LendingError({
    code: "FOG_ANSWER_MALFORMED",
    url,
    why: "it names no address that this provider can dial",
  });
  for (const address of addresses) {
    try {
      return await host.dial(address, CONTROL_PROTOCOL, { signal });
    } catch (error) {
      if (!isFault(error)) throw error;
      last = error;
    }
  }
  throw last;
}

async function fetchView({ url, fetch, signal }: FogNodeOptions): Promise<FogNodeView> {
  let text: string;
  try {
    const late = AbortSignal.any([signal, AbortSignal.timeout(VIEW_MS_MAX)]);
    const response = await fetch(`${url}/v1/node`, { signal: late });
    if (!response.ok) throw new Error(`it answers ${response.status}`);
    text = await readText(response);
  } catch (cause) {
    signal.throwIfAborted();
    throw new LendingError({ code: "FOG_UNREACHABLE", url, why: reasonOf(cause) }, { cause });
  }
  try {
    return parseShape(zFogNodeView, JSON.parse(text), "GET /v1/node");
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new LendingError({ code: "FOG_ANSWER_MALFORMED", url, why }, { cause });
  }
}

async function readText(response: HttpAnswer): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > VIEW_BYTES_MAX) throw new Error(`it answers more than ${VIEW_BYTES_MAX} bytes`);
  }
  return text;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error; // fetch says only "fetch failed"; the socket's code is inside
  return cause instanceof Error && "code" in cause ? String(cause.code) : error.message;
}
