/**
 * A channel over a pipe: requests both ways, many in flight, one stream.
 *
 * Liveness is the channel's own: a peer that stays silent is pinged, and given up when it stays silent
 * still. So a cable that was pulled is noticed on every transport, and in tests by their clock.
 */
import { type Clock, isFault, type Log, type NodeId, RemoteError, reportOf, shortId } from "@pingo/core";
import {
  bodyBytesOf,
  clippedReport,
  createFrameReader,
  encodeFrame,
  type Frame,
  type FrameFault,
} from "./frame.ts";
import { NetworkError } from "./network-error.ts";
import type { Channel, ChannelEnd, ChannelLimits, RequestHandler, RequestOptions } from "./peer-host.ts";
import type { Pipe } from "./pipe.ts";

export interface ChannelOptions {
  readonly peer: NodeId;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: ChannelLimits;
}

/** Bodies wait outside once this many bytes are queued, so a slow peer costs little memory. */
const QUEUE_BYTES_MAX = 4 * 1024 * 1024;
/** A handler's own log says the rest; its message may hold what was sent. */
const ERROR_CHARS_MAX = 80;
/** Small answers that may lie unread: a flood of pings would otherwise fill the memory. */
const UNREAD_FRAMES_MAX = 4_096;

interface Pending {
  resolve(answer: unknown): void;
  reject(error: unknown): void;
}

export function createChannel(pipe: Pipe, options: ChannelOptions): Channel {
  return new PipeChannel(pipe, options);
}

class PipeChannel implements Channel {
  readonly peer: NodeId;
  readonly closed: Promise<ChannelEnd>;
  readonly #pipe: Pipe;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #limits: ChannelLimits;
  readonly #pendingById = new Map<number, Pending>();
  readonly #answering = new Set<number>();
  readonly #stopped = new AbortController();
  #waiting: { readonly id: number; readonly body: unknown }[] = [];
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #roomWaiters: (() => void)[] = [];
  #pumping = false;
  #handler: RequestHandler | null = null;
  #lastId = 0;
  #lastReceivedMs: number;
  #end: ChannelEnd | null = null;
  #resolveClosed: (end: ChannelEnd) => void;

  constructor(pipe: Pipe, { peer, clock, log, limits }: ChannelOptions) {
    this.peer = peer;
    this.#pipe = pipe;
    this.#clock = clock;
    this.#log = log;
    this.#limits = limits;
    this.#lastReceivedMs = clock.monotonicMs();
    const { promise, resolve } = Promise.withResolvers<ChannelEnd>();
    this.closed = promise;
    this.#resolveClosed = resolve;
    const reader = createFrameReader(limits.messageBytesMax);
    pipe.open({
      received: (chunk) => {
        if (this.#end) return;
        this.#lastReceivedMs = clock.monotonicMs();
        const { frames, fault } = reader.push(chunk);
        for (const frame of frames) this.#receive(frame);
        if (fault) this.#cutOff(fault);
      },
      ended: (lost) =>
        this.#finish(
          lost === null
            ? { code: "PEER_CLOSED", message: "the other side closed it" }
            : { code: "CONNECTION_LOST", message: `the connection broke (${lost})` },
        ),
    });
    void this.#watch();
  }

  async request(body: unknown, options: RequestOptions = {}): Promise<unknown> {
    const { timeoutMs = this.#limits.requestTimeoutMs, signal } = options;
    signal?.throwIfAborted();
    this.#throwIfClosed();
    const inFlightMax = this.#limits.requestsInFlightMax;
    if (this.#pendingById.size >= inFlightMax) {
      throw new NetworkError({ code: "TOO_MANY_REQUESTS", peer: this.peer, inFlightMax });
    }
    const id = ++this.#lastId;
    const frame = this.#encode({ id, request: body });
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#pendingById.set(id, { resolve, reject });
    const over = new AbortController();
    const onAbort = (): void => reject(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#clock.sleep(timeoutMs, { signal: over.signal }).then(
      () => reject(new NetworkError({ code: "REQUEST_TIMEOUT", peer: this.peer, timeoutMs })),
      () => undefined, // the answer came first
    );
    void this.#enqueueWhenRoom(frame, id);
    try {
      return await promise;
    } finally {
      this.#pendingById.delete(id);
      signal?.removeEventListener("abort", onAbort);
      over.abort();
    }
  }

  serve(handler: RequestHandler): void {
    this.#handler = handler;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { id, body } of waiting) void this.#answer(handler, id, body);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#end) {
      this.#sendLast({ end: { code: "CLOSED", message: "closed in order" } });
      this.#finish({ code: "CLOSED", message: "this side closed it" });
    }
    await this.closed;
    await this.#pipe.close();
  }

  #receive(frame: Frame): void {
    if (this.#end) return;
    if ("request" in frame) this.#accept(frame.id, frame.request);
    else if ("ping" in frame) this.#enqueueAtOnce({ pong: frame.ping });
    else if ("end" in frame) this.#endedByPeer(frame.end);
    else if (!("pong" in frame)) this.#settle(frame); // of a pong, having come is all it says
  }

  #settle(frame: Extract<Frame, { readonly answer: unknown } | { readonly fault: unknown }>): void {
    if (frame.id > this.#lastId || frame.id === 0) {
      this.#cutOff({ code: "FRAME_UNEXPECTED", message: `an answer to request ${frame.id}, never asked` });
      return;
    }
    const pending = this.#pendingById.get(frame.id); // none when the asker gave up first
    if ("answer" in frame) pending?.resolve(frame.answer);
    else pending?.reject(new RemoteError(frame.fault));
  }

  #accept(id: number, body: unknown): void {
    const inFlightMax = this.#limits.requestsInFlightMax;
    if (this.#answering.has(id)) {
      this.#cutOff({ code: "FRAME_UNEXPECTED", message: `request ${id} twice at once` });
      return;
    }
    if (this.#answering.size >= inFlightMax) {
      const tooMany = new NetworkError({ code: "TOO_MANY_REQUESTS", peer: this.peer, inFlightMax });
      this.#enqueueAtOnce({ id, fault: reportOf(tooMany) });
      return;
    }
    this.#answering.add(id);
    if (this.#handler) void this.#answer(this.#handler, id, body);
    else this.#waiting.push({ id, body });
  }

  async #answer(handler: RequestHandler, id: number, body: unknown): Promise<void> {
    let frame: Uint8Array;
    try {
      frame = this.#encode({ id, answer: await handler(body) });
    } catch (error) {
      if (!isFault(error)) {
        this.#log.error("handler_failed", {
          peer: shortId(this.peer),
          error: String(error).slice(0, ERROR_CHARS_MAX),
        });
      }
      frame = encodeFrame({ id, fault: clippedReport(reportOf(error)) });
    }
    await this.#enqueueWhenRoom(frame, null);
    this.#answering.delete(id);
  }

  #encode(frame: Frame): Uint8Array {
    const bytes = encodeFrame(frame);
    const size = bodyBytesOf(bytes);
    const bytesMax = this.#limits.messageBytesMax;
    if (size > bytesMax) throw new NetworkError({ code: "MESSAGE_TOO_LARGE", bytes: size, bytesMax });
    return bytes;
  }

  async #enqueueWhenRoom(frame: Uint8Array, request: number | null): Promise<void> {
    while (!this.#end && this.#queuedBytes >= QUEUE_BYTES_MAX) {
      await new Promise<void>((resolve) => this.#roomWaiters.push(resolve));
    }
    const givenUp = request !== null && !this.#pendingById.has(request);
    if (!givenUp) this.#enqueue(frame);
  }

  /** For answers that nothing waits to give: a peer that asks for them and does not read them is cut off. */
  #enqueueAtOnce(frame: Frame): void {
    if (this.#queue.length < UNREAD_FRAMES_MAX) this.#enqueue(encodeFrame(frame));
    else
      this.#cutOff({ code: "FRAME_UNEXPECTED", message: "it asks on and on and does not read the answers" });
  }

  #enqueue(frame: Uint8Array): void {
    if (this.#end) return;
    this.#queue.push(frame);
    this.#queuedBytes += frame.byteLength;
    if (!this.#pumping) void this.#pump();
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    try {
      for (let frame = this.#queue.shift(); frame && !this.#end; frame = this.#queue.shift()) {
        this.#queuedBytes -= frame.byteLength;
        if (!this.#pipe.send(frame)) await this.#pipe.drained();
        const waiters = this.#roomWaiters;
        this.#roomWaiters = [];
        for (const wake of waiters) wake();
      }
    } catch (error) {
      this.#finish({ code: "CONNECTION_LOST", message: `the connection broke (${String(error)})` });
    } finally {
      this.#pumping = false;
    }
  }

  async #watch(): Promise<void> {
    const { keepAliveMs, silentMsMax } = this.#limits;
    const { signal } = this.#stopped;
    for (let ping = 1; !this.#end; ping++) {
      const silentMs = this.#clock.monotonicMs() - this.#lastReceivedMs;
      if (silentMs >= silentMsMax) {
        const message = `nothing came for ${Math.round(silentMs)} ms, not even an answer to a ping`;
        this.#finish({ code: "LINK_SILENT", message });
        this.#pipe.abort(new Error(message));
        return;
      }
      if (silentMs >= keepAliveMs) this.#enqueue(encodeFrame({ ping }));
      const dueMs = silentMs < keepAliveMs ? keepAliveMs - silentMs : silentMsMax - silentMs;
      try {
        await this.#clock.sleep(Math.min(dueMs, keepAliveMs), { signal });
      } catch (error) {
        if (signal.aborted) return;
        throw error;
      }
    }
  }

  #endedByPeer(end: { readonly code: string; readonly message: string }): void {
    const orderly = end.code === "CLOSED";
    this.#finish(
      orderly
        ? { code: "PEER_CLOSED", message: "the other side closed it" }
        : { code: "CUT_OFF", message: `the other side cut this one off: ${end.code}, ${end.message}` },
    );
    this.#closePipe();
  }

  /** Says why, then ends: a peer that breaks the framing is not listened to again. */
  #cutOff(fault: FrameFault): void {
    if (this.#end) return;
    this.#log.warn("peer_cut_off", { peer: shortId(this.peer), code: fault.code, message: fault.message });
    this.#sendLast({ end: clippedReport(fault) });
    this.#finish({ code: fault.code, message: `the other side broke the framing: ${fault.message}` });
    this.#closePipe();
  }

  /** What is queued, then this: the pipe keeps it until the peer takes it or the connection goes. */
  #sendLast(frame: Frame): void {
    try {
      for (const queued of this.#queue.splice(0)) this.#pipe.send(queued);
      this.#pipe.send(encodeFrame(frame));
    } catch (error) {
      this.#log.debug("last_frame_unsent", { peer: shortId(this.peer), error: String(error) });
    }
  }

  #closePipe(): void {
    this.#pipe.close().catch((error: unknown) => {
      this.#log.debug("pipe_close_failed", { peer: shortId(this.peer), error: String(error) });
    });
  }

  #finish(end: ChannelEnd): void {
    if (this.#end) return;
    this.#end = end;
    this.#stopped.abort();
    this.#queue = [];
    this.#waiting = [];
    for (const wake of this.#roomWaiters.splice(0)) wake();
    for (const pending of this.#pendingById.values()) pending.reject(this.#closedError(end));
    this.#resolveClosed(end);
  }

  #throwIfClosed(): void {
    if (this.#end) throw this.#closedError(this.#end);
  }

  #closedError(end: ChannelEnd): NetworkError {
    return new NetworkError({ code: "CHANNEL_CLOSED", peer: this.peer, why: end.message });
  }
}
