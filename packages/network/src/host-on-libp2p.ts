/** A peer host on libp2p, whatever its transports: the composition is libp2p-host.ts's in Node and page-host.ts's in a page. */
import { generateKeyPairFromSeed } from "@libp2p/crypto/keys";
import type { Connection, Libp2p, Stream } from "@libp2p/interface";
import { yamux } from "@libp2p/yamux";
import { assert, type Clock, type KeyPair, LIMITS, type Log, type NodeId, parseNodeId } from "@pingo/core";
import { createLibp2p, type Libp2pOptions } from "libp2p";
import { parseAddress, parsePeerAddress } from "./address.ts";
import { createChannel } from "./channel.ts";
import { createLibp2pPipe } from "./libp2p-pipe.ts";
import { NetworkError } from "./network-error.ts";
import { CHANNEL_LIMITS, type Channel, type ChannelLimits, type PeerHost } from "./peer-host.ts";

export interface HostOptions {
  readonly key: KeyPair;
  readonly log: Log;
  readonly clock: Clock;
  readonly limits?: Partial<ChannelLimits>;
}

/** What differs between platforms. */
export type HostModules = Pick<
  Libp2pOptions,
  "transports" | "connectionEncrypters" | "connectionManager" | "connectionGater"
>;

/** Channels watch their own liveness, so libp2p's monitor and yamux's keep-alive stay off. */
export async function startOnLibp2p(
  options: HostOptions,
  { listen, announce }: { readonly listen: readonly string[]; readonly announce: readonly string[] },
  modules: HostModules,
): Promise<PeerHost> {
  for (const address of [...listen, ...announce]) parseAddress(address);
  const node = await createLibp2p({
    ...modules,
    start: false,
    privateKey: await generateKeyPairFromSeed("Ed25519", options.key.seed),
    addresses: { listen: [...listen], appendAnnounce: [...announce] },
    streamMuxers: [yamux({ enableKeepAlive: false })],
    connectionMonitor: { enabled: false },
  });
  assert(node.peerId.toString() === options.key.nodeId, "libp2p and core name one key differently");
  try {
    await node.start();
  } catch (error) {
    throw listenError(error, listen);
  }
  return new Libp2pHost(node, options);
}

class Libp2pHost implements PeerHost {
  readonly id: NodeId;
  readonly #node: Libp2p;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #limits: ChannelLimits;
  readonly #channels = new Set<Channel>();
  #isClosed = false;

  constructor(node: Libp2p, { key, log, clock, limits }: HostOptions) {
    this.id = key.nodeId;
    this.#node = node;
    this.#log = log;
    this.#clock = clock;
    this.#limits = { ...CHANNEL_LIMITS, ...limits };
  }

  get addresses(): readonly string[] {
    return this.#node.getMultiaddrs().map(String);
  }

  async dial(address: string, protocol: string, options: { signal?: AbortSignal } = {}): Promise<Channel> {
    if (this.#isClosed) throw new NetworkError({ code: "HOST_CLOSED" });
    const { address: target, peer } = parsePeerAddress(address);
    this.#checkRoom(peer);
    let connection: Connection | undefined;
    try {
      connection = await this.#node.dial(target, options);
      const stream = await connection.newStream(protocol, options);
      return this.#channelOf(stream, connection, peer);
    } catch (cause) {
      options.signal?.throwIfAborted();
      if (someError(cause, ({ name }) => name === "UnsupportedProtocolError")) {
        throw new NetworkError({ code: "PROTOCOL_UNSUPPORTED", peer, protocol }, { cause });
      }
      if (someError(cause, isUnexpectedPeer)) {
        throw new NetworkError({ code: "PEER_ID_MISMATCH", address, expected: peer }, { cause });
      }
      // A connection that opens no stream is dead: the next dial must not find it.
      connection?.abort(cause instanceof Error ? cause : new Error(String(cause)));
      throw new NetworkError({ code: "PEER_UNREACHABLE", address, why: shortReason(cause) }, { cause });
    }
  }

  handle(protocol: string, accept: (channel: Channel) => void): void {
    const onStream = (stream: Stream, connection: Connection): void => {
      let channel: Channel;
      try {
        channel = this.#channelOf(stream, connection, parseNodeId(connection.remotePeer.toString()));
      } catch (error) {
        this.#log.warn("peer_refused", { error: String(error) });
        connection.abort(error instanceof Error ? error : new Error(String(error)));
        return;
      }
      accept(channel);
    };
    this.#node
      .handle(protocol, onStream, { maxInboundStreams: LIMITS.channelsPerPeerMax })
      .catch((error: unknown) => this.#log.error("handle_failed", { protocol, error: String(error) }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await Promise.all([...this.#channels].map((channel) => channel[Symbol.asyncDispose]()));
    await this.#node.stop();
  }

  /** The other side would reset one more without a word. */
  #checkRoom(peer: NodeId): void {
    const max = LIMITS.channelsPerPeerMax;
    const open = [...this.#channels].filter((channel) => channel.peer === peer).length;
    if (open >= max) throw new NetworkError({ code: "TOO_MANY_CHANNELS", peer, max });
  }

  #channelOf(stream: Stream, connection: Connection, peer: NodeId): Channel {
    const channel = createChannel(createLibp2pPipe(stream, connection, this.#clock), {
      peer,
      clock: this.#clock,
      log: this.#log,
      limits: this.#limits,
    });
    this.#channels.add(channel);
    void channel.closed.then(() => this.#channels.delete(channel));
    return channel;
  }
}

function listenError(cause: unknown, listen: readonly string[]): NetworkError {
  const text = cause instanceof Error ? cause.message : String(cause);
  const address = listen.find((one) => text.includes(one)) ?? listen.join(", ");
  if (text.includes("EADDRINUSE")) return new NetworkError({ code: "PORT_IN_USE", address }, { cause });
  const why = /\bE[A-Z]{3,}\b/.exec(text)?.[0] ?? "no transport of this host takes the address";
  return new NetworkError({ code: "LISTEN_FAILED", address, why }, { cause });
}

/** libp2p gathers the errors of several addresses, and wraps some. */
function someError(error: unknown, test: (error: Error) => boolean): boolean {
  if (error instanceof AggregateError) return error.errors.some((one) => someError(one, test));
  if (!(error instanceof Error)) return false;
  return test(error) || someError(error.cause, test);
}

/** The upgrader turns what the handshake threw into an EncryptionFailedError of the same message: that of TLS, or of noise. */
function isUnexpectedPeer({ name, message }: Error): boolean {
  if (name === "UnexpectedPeerError") return true;
  return name === "EncryptionFailedError" && /^Unexpected Peer$|does not match expected remote/.test(message);
}

function shortReason(error: unknown): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  if (!(first instanceof Error)) return String(first);
  return "code" in first ? String(first.code) : first.message;
}
