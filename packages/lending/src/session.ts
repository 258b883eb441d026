/**
 * The conversation with the fog node: found, greeted, kept alive by heartbeats, and begun again for
 * ever when it breaks. What runs goes on running meanwhile.
 */
import {
  type Clock,
  type Fetch,
  type FogNodeView,
  type FogRequest,
  isFault,
  type LeaseId,
  type LeaseProgress,
  LIMITS,
  type Log,
  type NodeId,
  type Offer,
  type Prng,
  type ProviderRequest,
  parseShape,
  WIRE_VERSION,
  zFogRequest,
  zProviderAnswers,
} from "@pingo/core";
import type { Channel, PeerHost, RequestOptions } from "@pingo/network";
import { backoffMs, pause } from "./backoff.ts";
import type { Delivery } from "./delivery.ts";
import { dialFogNode } from "./fog-node.ts";
import type { LeaseRunner, Slot } from "./lease-runner.ts";
import { LendingError } from "./lending-error.ts";
import type { Outbox } from "./outbox.ts";

export interface SessionOptions {
  readonly fogUrl: string;
  readonly host: PeerHost;
  readonly runner: Pick<LeaseRunner<Slot>, "close" | "drop" | "progress" | "running" | "take">;
  readonly outbox: Outbox;
  readonly delivery: Delivery;
  readonly offer: () => Promise<Offer>;
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Log;
  /** Who the fog node is, as soon as it has said so. */
  readonly onFog: (fog: NodeId) => void;
  readonly onState: (state: "connecting" | "online") => void;
  /** Which of the fog node's addresses this host can dial; absent: those for processes. */
  readonly addressesOf?: (view: FogNodeView) => readonly string[];
}

/** Free memory and disk change; the fog node plans with what it was told last. */
const OFFER_EVERY_MS = 15_000;
const FAREWELL_MS_MAX = 500;
const INSTANCE_BYTES = 16;
/**
 * Another process with this key may be one that the power left: the fog node notices within 15 s
 * (CHANNEL_LIMITS.silentMsMax). One that is there longer than this stays.
 */
const KEY_IN_USE_MS_MAX = 20_000;

export class Session {
  readonly #options: SessionOptions;
  readonly #stopped = new AbortController();
  readonly #instance: string;
  #channel: Channel | undefined;
  #sequence = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#instance = Array.from(options.prng.bytes(INSTANCE_BYTES), (byte) =>
      byte.toString(16).padStart(2, "0"),
    ).join("");
  }

  /** Until `leave`. @throws {RemoteError} KEY_IN_USE when another process works with this key and goes on to */
  async run(): Promise<void> {
    const { clock, prng, log, onState } = this.#options;
    const { signal } = this.#stopped;
    let keyInUseSinceMs: number | undefined;
    for (let failures = 0; !signal.aborted; ) {
      onState("connecting");
      try {
        await this.#converse(() => {
          failures = 0;
          onState("online");
        });
      } catch (error) {
        if (signal.aborted) return;
        if (!isFault(error)) throw error;
        log.warn("fog_lost", { code: error.code, message: error.message });
        keyInUseSinceMs = error.code === "KEY_IN_USE" ? (keyInUseSinceMs ?? clock.monotonicMs()) : undefined;
        if (clock.monotonicMs() - (keyInUseSinceMs ?? Number.POSITIVE_INFINITY) >= KEY_IN_USE_MS_MAX) {
          throw error;
        }
      }
      failures += 1;
      await pause(clock, backoffMs(failures, prng), signal);
    }
  }

  /** Best effort: a fog node that is not there sees the lease expire. */
  release(leases: readonly LeaseId[], reason: string, isOwners: boolean): void {
    if (leases.length > 0) void this.#tell(this.#channel, { type: "release", leases, reason, isOwners });
  }

  /** The offer changed; the fog node should know now. */
  async renewOffer(): Promise<void> {
    if (this.#channel) await this.#tell(this.#channel, { type: "offer", offer: await this.#options.offer() });
  }

  /** Hands back what runs, says goodbye, hangs up. */
  async leave(): Promise<void> {
    const { runner } = this.#options;
    const leases = runner.running();
    const channel = this.#channel;
    runner.close();
    this.#stopped.abort();
    if (!channel) return;
    const farewell = { timeoutMs: FAREWELL_MS_MAX };
    if (leases.length > 0) {
      const reason = "the provider stops";
      await this.#tell(channel, { type: "release", leases, reason, isOwners: true }, farewell);
    }
    await this.#tell(channel, { type: "goodbye" }, farewell);
    await channel[Symbol.asyncDispose]();
  }

  async #converse(onGreeted: () => void): Promise<void> {
    const { fogUrl, host, fetch, delivery, log, addressesOf } = this.#options;
    const { signal } = this.#stopped;
    const channel = await dialFogNode({
      ...{ url: fogUrl, host, fetch, signal },
      ...(addressesOf && { addressesOf }),
    });
    try {
      channel.serve(async (body) => this.#answer(parseShape(zFogRequest, body, "the fog node's request")));
      const ttlMs = await this.#greet(channel);
      this.#channel = channel;
      onGreeted();
      log.info("fog_joined", { fog: channel.peer, leaseTtlMs: ttlMs });
      const over = new AbortController();
      const closed = channel.closed.then((end) => {
        over.abort(new Error(end.message));
        return end;
      });
      const both = AbortSignal.any([signal, over.signal]);
      await Promise.all([this.#beat(channel, ttlMs, both), delivery.run(channel, both)]);
      if (!signal.aborted) log.warn("channel_closed", { ...(await closed) });
    } finally {
      this.#channel = undefined;
      // While leaving, the channel still carries the farewell.
      if (!signal.aborted) await channel[Symbol.asyncDispose]();
    }
  }

  async #greet(channel: Channel): Promise<number> {
    const { runner, outbox, offer, fogUrl, onFog } = this.#options;
    const held = [...runner.running(), ...outbox.leases()].slice(0, LIMITS.leasesPerProviderMax);
    const hello: ProviderRequest = {
      type: "hello",
      version: WIRE_VERSION,
      instance: this.#instance,
      offer: await offer(),
      held,
    };
    const answer = await channel.request(hello, { signal: this.#stopped.signal });
    const { fog, leaseTtlMs, drop } = parseShape(zProviderAnswers.hello, answer, "the answer to hello");
    if (fog !== channel.peer) {
      const why = `it calls itself ${fog} and holds the key of ${channel.peer}`;
      throw new LendingError({ code: "FOG_ANSWER_MALFORMED", url: fogUrl, why });
    }
    onFog(fog);
    this.#dropAll(drop);
    return leaseTtlMs;
  }

  /** Three per ttl, so that one or two may be lost. */
  async #beat(channel: Channel, ttlMs: number, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    const everyMs = ttlMs / 3;
    let offeredAtMs = clock.monotonicMs();
    while (!signal.aborted) {
      await pause(clock, everyMs, signal);
      if (signal.aborted) return;
      const progress = this.#progress();
      try {
        const beat: ProviderRequest = { type: "heartbeat", sequence: ++this.#sequence, progress };
        const answer = await channel.request(beat, { timeoutMs: ttlMs, signal });
        this.#dropAll(parseShape(zProviderAnswers.heartbeat, answer, "the answer to a heartbeat").drop);
        if (clock.monotonicMs() - offeredAtMs >= OFFER_EVERY_MS) {
          offeredAtMs = clock.monotonicMs();
          await this.renewOffer();
        }
      } catch (error) {
        if (signal.aborted) return;
        if (!isFault(error)) throw error;
        // The fog node listens on another channel, or on none: only a new hello helps.
        if (error.code === "HELLO_EXPECTED") throw error;
        log.warn("heartbeat_failed", { code: error.code, message: error.message });
      }
    }
  }

  /** Results on their way hold their leases too: an upload may take longer than the time to live. */
  #progress(): readonly LeaseProgress[] {
    const { runner, outbox } = this.#options;
    const running = runner.progress();
    const delivering = outbox.leases().map((lease) => ({ lease, step: 0, loss: null }));
    return [...running, ...delivering].slice(0, LIMITS.leasesPerProviderMax);
  }

  #answer(request: FogRequest): Record<string, never> {
    const { runner } = this.#options;
    if (request.type === "lease") runner.take(request.lease);
    else runner.drop(request.lease, request.reason);
    return {};
  }

  #dropAll(leases: readonly LeaseId[]): void {
    for (const lease of leases) this.#options.runner.drop(lease, "the fog node holds it no longer");
  }

  async #tell(
    channel: Channel | undefined,
    request: ProviderRequest,
    options: RequestOptions = {},
  ): Promise<void> {
    try {
      await channel?.request(request, options);
    } catch (error) {
      if (!isFault(error)) throw error;
      this.#options.log.warn("unheard", { type: request.type, code: error.code });
    }
  }
}
