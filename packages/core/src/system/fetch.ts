import type { ClientRequest, IncomingMessage, RequestOptions } from "node:http";
import type { Fetch } from "../ports.ts";

/**
 * By node's own HTTP client: the web's `fetch` takes 15 MB more of a process, a sixth of a provider's agent.
 * Its faults look the same: the signal's reason, or a TypeError with the socket's error as its cause. Redirects
 * are answers like others: a fog node sends none.
 */
export const systemFetch: Fetch = (url, { method = "GET", headers, body, signal } = {}) => {
  const options: RequestOptions = { method, headers: { ...headers, ...lengthOf(body) } };
  if (signal) options.signal = signal;
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown): void => reject(faultOf(cause, signal));
    const sent = requestTo(url, options);
    sent.once("error", fail);
    sent.once("response", (answer) => {
      const status = answer.statusCode ?? 0;
      sent.on("error", () => undefined); // from now on the body tells
      resolve({ ok: status >= 200 && status < 300, status, body: bodyOf(answer, signal) });
    });
    sent.end(body);
  });
};

/** Not imported: what an import takes of these modules includes the web's `fetch`, for its WebSocket. */
function requestTo(url: string, options: RequestOptions): ClientRequest {
  const isSecure = url.startsWith("https:");
  const { request } = process.getBuiltinModule(isSecure ? "node:https" : "node:http");
  return request(url, options);
}

async function* bodyOf(answer: IncomingMessage, signal: AbortSignal | null | undefined) {
  try {
    for await (const chunk of answer) {
      // SAFETY: without an encoding a message's chunks are bytes.
      yield chunk as Uint8Array;
    }
  } catch (cause) {
    throw faultOf(cause, signal);
  }
}

function lengthOf(body: Uint8Array | undefined): Record<string, string> {
  return body ? { "content-length": String(body.byteLength) } : {};
}

function faultOf(cause: unknown, signal: AbortSignal | null | undefined): unknown {
  return signal?.aborted ? signal.reason : new TypeError("fetch failed", { cause });
}
