/**
 * A job's events as a stream that outlives its connection.
 *
 * SOURCE: server-sent events, https://html.spec.whatwg.org/multipage/server-sent-events.html §9.2
 */
import {
  type Clock,
  type Fetch,
  type HttpAnswer,
  isFault,
  type JobId,
  type NumberedEvent,
  parseShape,
  zNumberedEvent,
} from "@pingo/core";
import { FogError } from "./fog-error.ts";
import { readAtMost, refusal, unreachable } from "./fog-http.ts";

/** Silence after which the connection is taken for dead and made anew. */
export const EVENTS_IDLE_MS = 60_000;
/** A fog node that restarts is back within this; after it the follower is told. */
export const EVENTS_GIVE_UP_MS = 60_000;
const RETRY_MS_FIRST = 250;
const RETRY_MS_MAX = 4_000;
const LINE_CHARS_MAX = 64 * 1024;

export interface EventStreamOptions {
  readonly fetch: Fetch;
  readonly clock: Clock;
  /** Events after this sequence number; 0 for all. */
  readonly after?: number;
  readonly signal?: AbortSignal | undefined;
  /** Told of each connection that broke. */
  readonly onReconnect?: (error: unknown) => void;
  readonly giveUpMs?: number;
}

/**
 * Every durable event once and in order, and `progress` as it comes; ends with `finished`.
 *
 * @throws {FogError} FOG_UNREACHABLE once no connection has given an event for `giveUpMs`
 */
export async function* followEvents(
  url: string,
  job: JobId,
  options: EventStreamOptions,
): AsyncGenerator<NumberedEvent, void, undefined> {
  const { clock, signal } = options;
  let last = options.after ?? 0;
  let heardMs = clock.monotonicMs();
  let retryMs = RETRY_MS_FIRST;
  for (;;) {
    try {
      for await (const event of oneConnection(`${url}/v1/jobs/${job}/events`, last, options)) {
        heardMs = clock.monotonicMs();
        retryMs = RETRY_MS_FIRST;
        if (event.sequence !== null && event.sequence <= last) continue;
        last = event.sequence ?? last;
        yield event;
        if (event.event.type === "finished") return;
      }
    } catch (error) {
      signal?.throwIfAborted();
      const isLost = !isFault(error) || error.code === "FOG_UNREACHABLE";
      if (!isLost || clock.monotonicMs() - heardMs > (options.giveUpMs ?? EVENTS_GIVE_UP_MS)) throw error;
      options.onReconnect?.(error);
    }
    await clock.sleep(retryMs, signal ? { signal } : {});
    retryMs = Math.min(RETRY_MS_MAX, retryMs * 2);
  }
}

async function* oneConnection(
  url: string,
  last: number,
  options: EventStreamOptions,
): AsyncGenerator<NumberedEvent, void, undefined> {
  const idle = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, idle.signal]) : idle.signal;
  try {
    const headers = { accept: "text/event-stream", ...(last > 0 ? { "last-event-id": String(last) } : {}) };
    const response = await options.fetch(url, { headers, signal });
    if (!response.ok) throw refusal(url, response.status, await readAtMost(response, LINE_CHARS_MAX, url));
    for await (const data of messagesOf(response, { ...options, idle, url })) {
      yield parseShape(zNumberedEvent, jsonOf(data, url), "an event");
    }
  } catch (error) {
    if (isFault(error)) throw error;
    throw unreachable(url, error);
  } finally {
    idle.abort(); // frees the socket when the reader stops early
  }
}

interface ReadOptions {
  readonly clock: Clock;
  readonly idle: AbortController;
  readonly url: string;
}

/** The `data` of each message of the stream. */
async function* messagesOf(
  response: HttpAnswer,
  options: ReadOptions,
): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder();
  let rest = "";
  let data: string[] = [];
  for await (const chunk of chunksOf(response, options)) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split(/\r\n|\n|\r/);
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "" && data.length > 0) {
        yield data.join("\n");
        data = [];
      } else if (line.startsWith("data:")) data.push(line.slice(5).trimStart());
    }
    if (rest.length + data.length > LINE_CHARS_MAX) {
      throw new FogError({ code: "FOG_ANSWER_INVALID", url: options.url, why: "an event never ends" });
    }
  }
}

async function* chunksOf(
  response: HttpAnswer,
  options: ReadOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  let lastMs = options.clock.monotonicMs();
  const watch = new AbortController();
  const watching = watchSilence(options, () => lastMs, watch.signal);
  try {
    for await (const chunk of response.body ?? []) {
      lastMs = options.clock.monotonicMs();
      yield chunk;
    }
  } finally {
    watch.abort();
    await watching;
  }
}

async function watchSilence(options: ReadOptions, lastMs: () => number, signal: AbortSignal): Promise<void> {
  const { clock, idle } = options;
  try {
    for (;;) {
      const quietMs = clock.monotonicMs() - lastMs();
      if (quietMs >= EVENTS_IDLE_MS) return idle.abort(new Error("the event stream fell silent"));
      await clock.sleep(EVENTS_IDLE_MS - quietMs, { signal });
    }
  } catch (error) {
    if (!signal.aborted) throw error; // aborted: the connection ended before it fell silent
  }
}

function jsonOf(text: string, url: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new FogError({ code: "FOG_ANSWER_INVALID", url, why: "an event is not JSON" }, { cause });
  }
}
