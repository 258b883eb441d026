/** One provider's channel: hello first, then whatever it asks, each request parsed, answered or refused with a code. */
import {
  assertNever,
  isFault,
  type KeyPair,
  type LeaseId,
  type Log,
  type NodeId,
  type ProviderAnswers,
  type ProviderRequest,
  parseShape,
  reportOf,
  WIRE_VERSION,
  zProviderRequest,
} from "@pingo/core";
import type { Channel } from "@pingo/network";
import { FogError } from "../fault.ts";
import type { JobRun } from "../jobs/job-run.ts";
import { whyOf } from "../why-of.ts";
import type { ProviderRegistry } from "./provider-registry.ts";
import { type ReceiveOptions, receiveResult } from "./receive-result.ts";

export interface SessionOptions extends ReceiveOptions {
  readonly key: KeyPair;
  readonly providers: ProviderRegistry;
  readonly runs: () => readonly JobRun[];
  readonly httpUrl: string;
  readonly leaseTtlMs: number;
  readonly wake: () => void;
  /** Work counted. */
  readonly onCounted: () => void;
}

type AnyAnswer = ProviderAnswers[keyof ProviderAnswers];

/** A channel that opens and says nothing is closed after this long. */
const HELLO_TIMEOUT_MS = 10_000;

export function serveProvider(channel: Channel, options: SessionOptions): void {
  const { log, providers, clock } = options;
  const greeted = new AbortController();
  channel.serve(async (body) => {
    try {
      const request = parseShape(zProviderRequest, body, "the request");
      if (request.type !== "hello" && !providers.isCurrent(channel)) {
        throw new FogError({ code: "HELLO_EXPECTED", type: request.type });
      }
      providers.saw(channel.peer);
      const answer = await answerOf(request, channel, options);
      if (request.type === "hello") greeted.abort();
      return answer;
    } catch (error) {
      noteRefusal(error, channel.peer, options);
      throw error;
    }
  });
  clock.sleep(HELLO_TIMEOUT_MS, { signal: greeted.signal }).then(
    () => closeQuietly(channel, log),
    () => undefined, // said hello, or left
  );
  void channel.closed.then(({ code, message }) => {
    greeted.abort();
    if (!providers.isCurrent(channel)) return;
    providers.leave(channel);
    log.info("provider_left", { provider: channel.peer, code, message });
    options.wake();
  });
}

async function answerOf(
  request: ProviderRequest,
  channel: Channel,
  options: SessionOptions,
): Promise<AnyAnswer> {
  const { peer } = channel;
  switch (request.type) {
    case "hello":
      return hello(request, channel, options);
    case "offer":
      checkOffer(request.offer.provider, peer);
      options.providers.saw(peer, request.offer);
      options.wake();
      return {};
    case "heartbeat":
      return { drop: beat(request, peer, options) };
    case "result": {
      const acknowledged = await receiveResult(peer, request, options);
      if (acknowledged.body.counted) options.onCounted();
      return { acknowledged };
    }
    case "release":
      if (request.isOwners) options.providers.reclaimed(peer);
      for (const lease of request.leases) {
        const run = holderOf(lease, peer, options);
        if (!run) continue;
        run.lose(lease, request.isOwners ? "released" : "fault", `given back: ${request.reason}`);
        if (request.isOwners) continue;
        // One that gives back at once is asked less and less, and others come before it.
        options.providers.noteFault(peer);
      }
      return {};
    case "goodbye":
      release(peer, heldBy(peer, options), "the provider left", options);
      options.providers.leave(channel);
      options.log.info("provider_left", { provider: peer, code: "GOODBYE" });
      return {};
    default:
      return assertNever(request, "unknown request");
  }
}

async function hello(
  request: Extract<ProviderRequest, { type: "hello" }>,
  channel: Channel,
  options: SessionOptions,
): Promise<ProviderAnswers["hello"]> {
  const { peer } = channel;
  const { providers, log, key, httpUrl, leaseTtlMs, wake } = options;
  if (request.version !== WIRE_VERSION) {
    throw new FogError({ code: "VERSION_UNSUPPORTED", found: request.version, supported: WIRE_VERSION });
  }
  checkOffer(request.offer.provider, peer);
  let isOpen = true;
  void channel.closed.then(() => (isOpen = false));
  const replaced = await providers.join(channel, request.instance, request.offer);
  if (replaced) closeQuietly(replaced, log);
  // It left while it was written down: nobody else says so any more.
  if (!isOpen) providers.leave(channel);
  const named = new Set(request.held);
  const forgotten = heldBy(peer, options).filter((lease) => !named.has(lease));
  release(peer, forgotten, "the provider came back without it", options);
  const drop: LeaseId[] = [];
  for (const lease of named) {
    const run = holderOf(lease, peer, options);
    if (run) run.renew(lease);
    else drop.push(lease);
  }
  log.info("provider_joined", {
    provider: peer,
    slots: request.offer.slots,
    held: named.size,
    drop: drop.length,
  });
  wake();
  return { fog: key.nodeId, httpUrl, leaseTtlMs, drop };
}

function beat(
  request: Extract<ProviderRequest, { type: "heartbeat" }>,
  peer: NodeId,
  options: SessionOptions,
): readonly LeaseId[] {
  const drop: LeaseId[] = [];
  for (const progress of request.progress) {
    const run = holderOf(progress.lease, peer, options);
    if (!run) {
      drop.push(progress.lease);
      continue;
    }
    run.renew(progress.lease);
    run.tell(peer, progress);
  }
  return drop;
}

function checkOffer(offered: NodeId, peer: NodeId): void {
  if (offered !== peer) throw new FogError({ code: "STRANGER", what: `${peer} sent an offer of ${offered}` });
}

function holderOf(lease: LeaseId, peer: NodeId, { runs }: SessionOptions): JobRun | undefined {
  return runs().find((run) => run.isHeldBy(lease, peer));
}

function heldBy(peer: NodeId, { runs }: SessionOptions): readonly LeaseId[] {
  return runs().flatMap((run) =>
    run.held().flatMap(({ lease, provider }) => (provider === peer ? [lease] : [])),
  );
}

function release(peer: NodeId, leases: readonly LeaseId[], reason: string, options: SessionOptions): void {
  for (const lease of leases) holderOf(lease, peer, options)?.lose(lease, "disconnected", reason);
}

function noteRefusal(error: unknown, peer: NodeId, { log, providers }: SessionOptions): void {
  if (!isFault(error)) {
    log.error("provider_request_failed", { provider: peer, why: whyOf(error) });
    return;
  }
  if (error.code === "UPDATE_INVALID" || error.code === "EQUIVOCATION") providers.noteFault(peer);
  log.warn("provider_refused", { provider: peer, code: error.code, why: error.message });
}

function closeQuietly(channel: Channel, log: Log): void {
  const failed = (error: unknown): void =>
    log.debug("channel_close_failed", { provider: channel.peer, why: reportOf(error).message });
  channel[Symbol.asyncDispose]().then(undefined, failed);
}
