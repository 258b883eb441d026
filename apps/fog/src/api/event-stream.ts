/**
 * A job's events as server-sent events: first what is stored after the follower's last, then what happens,
 * without gap or repeat; ends after `finished`.
 *
 * SOURCE: https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
import type { ServerResponse } from "node:http";
import { type Clock, type JobId, LIMITS, type Log, type NumberedEvent } from "@pingo/core";
import { listEvents } from "../database/event-store.ts";
import type { Sql } from "../database/schema.ts";
import { FogError } from "../fault.ts";
import type { EventHub } from "../jobs/event-hub.ts";

export interface EventStreamOptions {
  readonly sql: Sql;
  readonly hub: EventHub;
  readonly clock: Clock;
  readonly log: Log;
  readonly clientsMax?: number;
}

export interface EventStreams {
  /** Answers with a stream that ends when the job does, the client goes, or the station stops. */
  open(job: JobId, afterSequence: number, response: ServerResponse): void;
  /** @throws {FogError} FOLLOWERS_TOO_MANY */
  checkRoom(): void;
  closeAll(): void;
}

/** A comment this often keeps proxies from taking a quiet stream for a dead one. */
const BEAT_MS = 15_000;
/** A client that reads slower than this piles up is cut off; it comes back with Last-Event-ID. */
const UNREAD_BYTES_MAX = 1024 * 1024;
/** One that takes nothing for this long while stored events wait for it is cut off as well. */
const UNREAD_MS_MAX = 60_000;
/** Events that happen while the stored ones are still being sent. */
const PENDING_MAX = LIMITS.eventsReplayMax;

export function createEventStreams(options: EventStreamOptions): EventStreams {
  const { clientsMax = LIMITS.sseClientsMax } = options;
  const open = new Set<AbortController>();
  return {
    checkRoom() {
      if (open.size >= clientsMax) throw new FogError({ code: "FOLLOWERS_TOO_MANY", max: clientsMax });
    },
    open(job, afterSequence, response) {
      const ending = new AbortController();
      open.add(ending);
      response.on("close", () => ending.abort());
      stream(job, afterSequence, response, ending.signal, options)
        .catch((error: unknown) => {
          options.log.error("event_stream_failed", {
            job,
            why: String(error instanceof Error ? error.stack : error),
          });
        })
        .finally(() => {
          open.delete(ending);
          ending.abort();
          response.end();
        });
    },
    closeAll() {
      for (const ending of open) ending.abort();
    },
  };
}

async function stream(
  job: JobId,
  afterSequence: number,
  response: ServerResponse,
  signal: AbortSignal,
  { sql, hub, clock, log }: EventStreamOptions,
): Promise<void> {
  response.writeHead(200, {
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
  });
  response.flushHeaders();
  const pending: NumberedEvent[] = [];
  let rouse = (): void => {};
  let sent = afterSequence;
  let isFinished = false;
  const cutOff = (): void => {
    if (!response.destroyed) log.warn("follower_cut_off", { job, unreadBytes: response.writableLength });
    response.destroy();
  };
  const isOver = (): boolean => signal.aborted || response.destroyed;
  const send = (event: NumberedEvent): void => {
    if (event.sequence !== null && event.sequence <= sent) return;
    sent = event.sequence ?? sent;
    isFinished ||= event.event.type === "finished";
    response.write(textOf(event));
  };
  // Followed before the stored ones are read: whatever happens meanwhile waits in `pending`.
  using _following = hub.follow(job, (event) => {
    if (isOver()) return;
    pending.push(event);
    if (pending.length > PENDING_MAX) cutOff();
    rouse();
  });
  signal.addEventListener("abort", () => rouse(), { once: true });
  for (;;) {
    const page = await listEvents(sql, job, sent);
    for (const event of page) send(event);
    if (page.length === 0 || isOver()) break;
    if (!(await drained(response, clock, signal))) return cutOff();
  }
  let quietSinceMs = clock.monotonicMs();
  while (!isOver()) {
    for (const event of pending.splice(0)) {
      send(event);
      quietSinceMs = clock.monotonicMs();
    }
    if (response.writableLength > UNREAD_BYTES_MAX) cutOff();
    if (isOver() || isFinished) return;
    const roused = new AbortController();
    rouse = () => roused.abort();
    const beatMs = Math.max(1, BEAT_MS - (clock.monotonicMs() - quietSinceMs));
    const isQuiet = await clock.sleep(beatMs, { signal: roused.signal }).then(
      () => true,
      () => false, // roused: something happened
    );
    if (!isQuiet) continue;
    response.write(":\n\n");
    quietSinceMs = clock.monotonicMs();
  }
}

/** SSE data never holds a line break: JSON escapes them. */
function textOf(event: NumberedEvent): string {
  const id = event.sequence === null ? "" : `id: ${event.sequence}\n`;
  return `${id}data: ${JSON.stringify(event)}\n\n`;
}

/** Whether the follower took what was written, or left; false when its time is over. */
async function drained(response: ServerResponse, clock: Clock, signal: AbortSignal): Promise<boolean> {
  if (!response.writableNeedDrain || signal.aborted) return true;
  const over = new AbortController();
  try {
    return await Promise.race([
      new Promise<true>((resolve) => {
        response.once("drain", () => resolve(true));
        signal.addEventListener("abort", () => resolve(true), { once: true });
      }),
      clock.sleep(UNREAD_MS_MAX, { signal: over.signal }).then(() => false),
    ]);
  } finally {
    over.abort();
  }
}
